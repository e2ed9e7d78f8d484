"""Retargeting: known answers, symmetries, and quality on recorded motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.mirror import REFLECTION
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.kinematics import Poses
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.resample import resample_qpos
from kinesis_trl.motion.retarget.inverse_kinematics import FitConfig
from kinesis_trl.motion.retarget.onto_body import FPS, TRACKED, RetargetConfig, retarget
from kinesis_trl.motion.retarget.quality import shortcomings

NAMES = (*TRACKED, "L_Hip", "R_Hip")
MIRRORED = [NAMES.index({"L": "R", "R": "L"}.get(n[0], n[0]) + n[1:]) if "_" in n else 0 for n in NAMES]


def positions_of(body: BodyModel, qpos: np.ndarray) -> np.ndarray:
    """Tracked bodies and hips (T, 9, 3) of a motion."""
    hips = [body.model.body(n).id for n in ("femur_l", "femur_r")]
    ids = np.concatenate([body.tracked_ids, hips])
    parts = [Poses.of(body).evaluate(qpos[k : k + 256])["xpos"][:, ids].copy() for k in range(0, len(qpos), 256)]
    return np.concatenate(parts)


def as_positions(body: BodyModel, clip: MotionClip) -> MotionClip:
    """The same motion as joint positions."""
    assert clip.qpos is not None
    positions = positions_of(body, clip.qpos)
    return MotionClip(name=clip.name, fps=clip.fps, positions=positions, joint_names=NAMES)


def joint_angles(body: BodyModel, qpos: np.ndarray) -> np.ndarray:
    columns = [7 + body.joint_names.index(n) for n in body.independent_joints]
    return np.degrees(qpos[:, columns])


@pytest.fixture(scope="module")
def kit(shared: Path) -> list[MotionClip]:
    """Recorded motion as coordinates of the body."""
    return read_motion(shared / "data" / "motions" / "kinesis_kit_qpos10hz" / "initial_pose_test_open.pkl")


def test_known_motion_is_found_from_its_positions(body: BodyModel, kit: list[MotionClip]) -> None:
    """KIT clips, of which only hips and tracked positions are kept: ≤ 1 mm and ≤ 1° at the median."""
    config = RetargetConfig(scaling="none", low_pass=0.0, cleanup=FitConfig(iterations=0))
    errors, angles = [], []
    for clip in kit[::12]:
        assert clip.qpos is not None
        truth = resample_qpos(clip.qpos, clip.fps, body=body)
        low, high = body.joint_range.T
        truth[:, 7:] = np.clip(truth[:, 7:], low, high)
        truth = body.couplings.apply(truth)
        found, _ = retarget(as_positions(body, clip.with_(qpos=truth, fps=FPS)), body, config)
        assert found.qpos is not None
        lifted = found.qpos.copy()
        lifted[:, 2] += np.median(truth[:, 2] - lifted[:, 2])  # the floor's height is the only thing that may differ
        errors.append(np.linalg.norm(positions_of(body, lifted) - positions_of(body, truth), axis=-1)[:, :7])
        angles.append(np.abs(joint_angles(body, lifted) - joint_angles(body, truth)))
    assert 1e3 * np.median(np.concatenate(errors)) < 1.0
    assert np.median(np.concatenate(angles)) < 1.0
    by_joint = dict(zip(body.independent_joints, np.median(np.concatenate(angles), axis=0), strict=True))
    unseen = ("mtp_angle_r", "mtp_angle_l")  # the toes' origin does not move with them
    assert max(angle for name, angle in by_joint.items() if name not in unseen) < 1.0


def test_coordinates_come_out_clean(body: BodyModel, kit: list[MotionClip]) -> None:
    low, high = body.joint_range.T
    free = [body.joint_names.index(n) for n in body.independent_joints]
    for clip in kit[3::15]:
        prepared, report = retarget(clip, body)
        assert prepared.qpos is not None and prepared.fps == FPS
        assert shortcomings(report) == []
        joints = prepared.qpos[:, 7:][:, free]
        assert ((joints >= low[free]) & (joints <= high[free])).all()
        np.testing.assert_array_equal(body.couplings.apply(prepared.qpos), prepared.qpos)
        assert report.slide_m_s < 0.7 * report.source_slide_m_s
        lowest = body.lowest_foot_point(prepared.qpos)
        assert abs(np.median(lowest)) < 0.005


@pytest.mark.parametrize(
    "file",
    [
        "kinesis_t2m/mdm_walk_circle_2.pkl",
        "asap_smpl_video/video_squat_level1_filter_amass.npz",
        "cmu_isaacgym_amp/amp_humanoid_walk.npy",
        "deepmimic_pybullet/humanoid3d_jump.txt",
        "bandai_namco/dataset-2_run_normal_003.bvh",
    ],
)
def test_recorded_positions_meet_the_targets(body: BodyModel, shared: Path, file: str) -> None:
    (clip,) = read_motion(shared / "data" / "motions" / file)
    prepared, report = retarget(clip, body)
    assert shortcomings(report) == []
    assert report.stance_share > 0.3
    assert prepared.qpos is not None and np.isfinite(prepared.qpos).all()


def test_turning_the_world_turns_the_result(body: BodyModel, march: MotionClip) -> None:
    clip = as_positions(body, march)
    assert clip.positions is not None
    turn = Rotation.from_euler("z", 1.1)
    turned = clip.with_(positions=turn.apply(clip.positions.reshape(-1, 3)).reshape(clip.positions.shape))
    (straight, _), (rotated, _) = retarget(clip, body), retarget(turned, body)
    assert straight.qpos is not None and rotated.qpos is not None
    np.testing.assert_allclose(rotated.qpos[:, :3], turn.apply(straight.qpos[:, :3]), atol=1e-3)
    back = turn.inv() * Rotation.from_quat(rotated.qpos[:, 3:7], scalar_first=True)
    apart = back.inv() * Rotation.from_quat(straight.qpos[:, 3:7], scalar_first=True)
    assert apart.magnitude().max() < 2e-3
    np.testing.assert_allclose(rotated.qpos[:, 7:], straight.qpos[:, 7:], atol=5e-3)


def test_a_mirrored_clip_gives_mirrored_coordinates(body: BodyModel, march: MotionClip) -> None:
    clip = as_positions(body, march)
    assert clip.positions is not None
    mirrored = clip.with_(positions=(clip.positions * REFLECTION)[:, MIRRORED])
    (result, _), (reflected, _) = retarget(clip, body), retarget(mirrored, body)
    assert result.qpos is not None and reflected.qpos is not None
    np.testing.assert_allclose(body.mirror.qpos(reflected.qpos), result.qpos, atol=2e-3)


def test_the_same_clip_gives_the_same_numbers(body: BodyModel, march: MotionClip) -> None:
    clip = as_positions(body, march)
    first, second = retarget(clip, body)[0].qpos, retarget(clip, body)[0].qpos
    assert first is not None and second is not None
    np.testing.assert_array_equal(first, second)


def test_a_larger_person_gives_the_same_pose(body: BodyModel, march: MotionClip) -> None:
    """Legs half as long again: the pose stays, the scale is reported."""
    clip = as_positions(body, march)
    assert clip.positions is not None
    off = RetargetConfig(cleanup=FitConfig(iterations=0))
    small, report = retarget(clip, body, off)
    large, large_report = retarget(clip.with_(positions=1.5 * clip.positions), body, off)
    assert small.qpos is not None and large.qpos is not None
    assert report.scale == pytest.approx(1.0, abs=0.02)
    assert large_report.scale == pytest.approx(report.scale / 1.5)
    np.testing.assert_allclose(joint_angles(body, large.qpos), joint_angles(body, small.qpos), atol=2.0)


def test_bowed_legs_do_not_turn_the_hips(body: BodyModel) -> None:
    """Straight legs whose knees lie 2 cm outside the line from hip to ankle, as in SMPL."""
    qpos = np.tile(body.standing_qpos, (30, 1))
    positions = positions_of(body, body.couplings.apply(qpos))
    positions[:, NAMES.index("L_Knee"), 1] += 0.02
    positions[:, NAMES.index("R_Knee"), 1] -= 0.02
    clip = MotionClip(name="bowed", fps=30.0, positions=positions, joint_names=NAMES)
    found, _ = retarget(clip.with_(pelvis_quat=qpos[:, 3:7]), body)
    assert found.qpos is not None
    angles = dict(zip(body.independent_joints, np.abs(joint_angles(body, found.qpos)).max(0), strict=True))
    assert max(angles["hip_rotation_l"], angles["hip_rotation_r"]) < 6.0
    assert max(angles["knee_angle_l"], angles["knee_angle_r"]) < 6.0


def test_feet_that_float_or_sink_are_put_on_the_floor(body: BodyModel, march: MotionClip) -> None:
    for height in (-0.05, 0.3):
        assert march.qpos is not None
        moved = march.qpos + np.eye(body.model.nq)[2] * height
        prepared, report = retarget(march.with_(qpos=moved), body)
        assert prepared.qpos is not None
        assert report.penetration_mm < 10.0
        assert abs(np.median(body.lowest_foot_point(prepared.qpos))) < 0.01


def test_22_joints_and_smpl_rotations_agree(body: BodyModel, shared: Path, tmp_path: Path) -> None:
    """One motion by its SMPL rotations, and by the y-up joint positions that HumanML3D and MDM store."""
    (smpl,) = read_motion(shared / "data" / "motions" / "kinesis_t2m" / "mdm_turn_left_0.pkl")
    assert smpl.positions is not None
    joints = smpl.positions[:, :22, [1, 2, 0]]  # z-up facing +x to y-up facing +z
    np.save(tmp_path / "joints.npy", joints)
    (by_joints,) = read_motion(tmp_path / "joints.npy", fps=smpl.fps)
    (first, _), (second, _) = retarget(smpl, body), retarget(by_joints, body)
    assert first.qpos is not None and second.qpos is not None
    np.testing.assert_allclose(second.qpos[:, :3], first.qpos[:, :3], atol=3e-3)
    np.testing.assert_allclose(joint_angles(body, second.qpos), joint_angles(body, first.qpos), atol=1.0)


def test_missing_joints_are_named(body: BodyModel, march: MotionClip) -> None:
    clip = as_positions(body, march)
    assert clip.positions is not None
    without = clip.with_(positions=clip.positions[:, :-1], joint_names=NAMES[:-1])
    with pytest.raises(ClipFormatError, match="R_Hip"):
        retarget(without, body)


def test_wrong_units_are_recognised(body: BodyModel, march: MotionClip) -> None:
    clip = as_positions(body, march)
    assert clip.positions is not None
    with pytest.raises(ClipFormatError, match="--unit"):
        retarget(clip.with_(positions=100.0 * clip.positions), body)


def test_coordinates_of_another_body_are_refused(body: BodyModel, march: MotionClip) -> None:
    assert march.qpos is not None
    with pytest.raises(ClipFormatError, match="coordinates"):
        retarget(replace(march, qpos=march.qpos[:, :-1]), body)
