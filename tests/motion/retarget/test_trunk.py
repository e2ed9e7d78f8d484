"""Trunks that bend follow recorded spines: known turns are found again, signs are right, ranges hold."""

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.retarget.trunk import COORDINATES, follow_spine, trunk_joints

UPRIGHT = {
    "L_Hip": (0.0, 0.08, 0.0),
    "R_Hip": (0.0, -0.08, 0.0),
    "Neck": (0.0, 0.0, 0.5),
    "L_Shoulder": (0.0, 0.2, 0.45),
    "R_Shoulder": (0.0, -0.2, 0.45),
}


def recorded(turn: Rotation, heading: float = 0.7):
    """Joints (1, 3) of a person that looks to `heading`, whose trunk is turned against the pelvis."""
    world = Rotation.from_euler("z", heading)
    joint = {n: world.apply(np.array(p) if "Hip" in n else turn.apply(p))[None] for n, p in UPRIGHT.items()}
    return joint, world.as_quat(scalar_first=True)[None]


@pytest.mark.parametrize("name", ["legs_abs", "legs_back"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_torso_turns_as_recorded(name, axis):
    body = load_body(name)
    places = trunk_joints(body)
    turn = Rotation.from_rotvec(0.2 * np.eye(3)[axis])
    found = follow_spine(body, *recorded(turn))
    qpos = np.tile(body.standing_qpos, (2, 1))
    qpos[1, places] = found[0]
    qpos = body.couplings.apply(qpos)
    data, torso = mujoco.MjData(body.model), body.model.body("torso").id
    ends = []
    for q in qpos:
        data.qpos[:] = q
        mujoco.mj_kinematics(body.model, data)
        ends.append(Rotation.from_quat(data.xquat[torso].copy(), scalar_first=True))
    np.testing.assert_allclose((ends[1] * ends[0].inv()).as_rotvec(), turn.as_rotvec(), atol=0.02)


def test_upright_and_unknown_spines_stay_upright():
    body = load_body("legs_abs")
    joint, quat = recorded(Rotation.identity())
    np.testing.assert_allclose(follow_spine(body, joint, quat), 0.0, atol=1e-9)
    hips = {name: place for name, place in joint.items() if "Hip" in name}
    np.testing.assert_array_equal(follow_spine(body, hips, quat), np.zeros((1, len(COORDINATES))))


def test_ranges_hold():
    body = load_body("legs_abs")
    found = follow_spine(body, *recorded(Rotation.from_rotvec([0.0, 2.5, 0.0])))
    low, high = body.joint_range[trunk_joints(body) - 7].T
    assert (found >= low).all() and (found <= high).all() and np.isclose(found, low, atol=1e-9).any()


def test_a_rigid_trunk_has_no_such_joints(body):
    assert len(trunk_joints(body)) == 0
