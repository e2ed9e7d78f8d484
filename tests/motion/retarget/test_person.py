"""Sizes of recorded persons: legs measured from joints, stature from a surface, and what cannot be measured."""

import numpy as np
import pytest

from kinesis_trl.body.subject import SubjectError
from kinesis_trl.commands._options import sized_as
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.retarget.person import person_of, person_of_betas
from kinesis_trl.motion.retarget.skeleton import REST_JOINTS, SMPL_JOINTS
from kinesis_trl.motion.retarget.smpl_model import SmplModel


def rest() -> np.ndarray:
    """Joints (24, 3) of SMPL's mean person at rest, z up."""
    return REST_JOINTS.copy()


def clip_of(joints: np.ndarray, **extra) -> MotionClip:
    frames = np.repeat(joints[None], 5, axis=0)
    return MotionClip(name="stands", fps=30.0, positions=frames, joint_names=SMPL_JOINTS, extra=extra)


def legs(joints: np.ndarray) -> tuple[float, float]:
    hip, knee, ankle = (joints[SMPL_JOINTS.index(f"L_{part}")] for part in ("Hip", "Knee", "Ankle"))
    return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))


def test_legs_are_measured_from_a_clip():
    tall = 1.1 * rest()
    person = person_of(clip_of(tall), height=1.85, mass=80.0)
    assert (person.thigh, person.shank) == pytest.approx(legs(tall), rel=0.02)
    assert person.height == 1.85 and person.mass == 80.0 and person.foot is None


def test_a_shape_is_measured_on_the_surface():
    joints = rest()[:, [1, 2, 0]]  # SMPL: x left, y up, z forward
    surface = np.concatenate([joints, [[0, joints[:, 1].min() - 0.05, 0], [0, joints[:, 1].max() + 0.15, 0]]])
    model = SmplModel(
        v_template=surface,
        shapedirs=0.05 * surface[..., None],  # the one coefficient makes all of them longer by 5 %
        posedirs=np.zeros((26, 3, 207)),
        J_regressor=np.eye(24, 26),
        weights=np.eye(26, 24),
    )
    plain, tall = person_of_betas(model, np.zeros(1)), person_of_betas(model, np.ones(1), mass=70.0)
    assert plain.height == pytest.approx(float(np.ptp(surface[:, 1])))
    assert (tall.height, tall.thigh, tall.shank) == pytest.approx(
        tuple(1.05 * v for v in (plain.height, plain.thigh, plain.shank))
    )
    with pytest.raises(SubjectError, match="up to 1 finite"):
        person_of_betas(model, np.ones(2))


def test_what_cannot_be_measured_is_said(body):
    with pytest.raises(SubjectError, match="needs SMPL's model"):
        person_of(clip_of(rest(), betas=np.ones(10)))
    with pytest.raises(SubjectError, match="coordinates of a body"):
        person_of(MotionClip(name="solved", fps=30.0, qpos=np.tile(body.standing_qpos, (2, 1))))
    bare = clip_of(rest())
    few = bare.with_(positions=bare.positions[:, :5], joint_names=SMPL_JOINTS[:5])
    with pytest.raises(SubjectError, match="has no joint L_Ankle"):
        person_of(few)


def test_a_motion_file_gives_its_legs(shared):
    file = next((shared / "data" / "motions" / "cmu_bvh11").glob("*.bvh"))
    name = sized_as("legs", str(file))
    assert name.startswith("legs:thigh=") and "shank=" in name
