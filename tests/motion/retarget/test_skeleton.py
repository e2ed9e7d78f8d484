"""SMPL kinematics: rest pose, hand-worked turns, invariance, and the way back from joints to pelvis."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.retarget.skeleton import (
    PELVIS_IN_MODEL,
    REST_JOINTS,
    SMPL_JOINTS,
    SMPL_PARENTS,
    pelvis_orientation,
    pose_joints,
    smpl_kinematics,
)

FACING_X = Rotation.from_matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
"""Turns SMPL's model axes (x left, y up, z forward) into a z-up world, facing +x."""
INDEX = {name: i for i, name in enumerate(SMPL_JOINTS)}


def posed(root: Rotation = FACING_X, joints: int = 24, **turns: list[float]) -> np.ndarray:
    """(1, joints, 3) pose with the given rotation vectors, in SMPL's axes, by joint name."""
    pose = np.zeros((1, joints, 3))
    pose[:, 0] = root.as_rotvec()
    for name, turn in turns.items():
        pose[:, INDEX[name]] = turn
    return pose


def test_upright_at_identity() -> None:
    positions, quat = smpl_kinematics(posed(), np.array([[1.0, 2.0, 0.95]]))
    np.testing.assert_allclose(quat * np.sign(quat[:, :1]), [[1, 0, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(positions[0] - positions[0, 0], REST_JOINTS, atol=1e-12)
    p = dict(zip(SMPL_JOINTS, positions[0], strict=True))
    assert p["L_Hip"][1] > 2 > p["R_Hip"][1]
    assert p["L_Toe"][0] > p["L_Ankle"][0] + 0.1
    assert p["Head"][2] > 1.4 > p["L_Toe"][2]


def test_rest_joints_are_those_of_published_humanoids(shared: Path) -> None:
    with (shared / "data/smpl_rest_pose/smpl_neutral_offsets.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    at = {}
    for row in rows:
        offset = np.array([float(row[axis]) for axis in "zxy"])
        at[row["joint"]] = at[row["parent"]] + offset if row["parent"] else np.zeros(3)
    assert tuple(at) == SMPL_JOINTS
    assert [SMPL_JOINTS[p] if p >= 0 else "" for p in SMPL_PARENTS] == [row["parent"] for row in rows]
    difference = np.linalg.norm(np.stack(list(at.values())) - REST_JOINTS, axis=1)
    assert difference.max() < 1e-3  # measured: 0.8 mm, by rounding
    first = np.array([float(rows[0][axis]) for axis in "xyz"])
    assert np.abs(first - PELVIS_IN_MODEL["smpl"]).max() < 1e-3


def test_bent_knee_by_hand() -> None:
    # A turn by +90° about SMPL's x (left) at the knee takes the shank, which hangs, to the back.
    straight, _ = smpl_kinematics(posed(), np.zeros((1, 3)))
    bent, _ = smpl_kinematics(posed(R_Knee=[np.pi / 2, 0, 0]), np.zeros((1, 3)))
    knee = straight[0, INDEX["R_Knee"]]
    shank = REST_JOINTS[INDEX["R_Ankle"]] - REST_JOINTS[INDEX["R_Knee"]]
    np.testing.assert_allclose(bent[0, INDEX["R_Knee"]], knee, atol=1e-12)
    np.testing.assert_allclose(bent[0, INDEX["R_Ankle"]] - knee, [shank[2], shank[1], -shank[0]], atol=1e-12)
    assert bent[0, INDEX["R_Ankle"], 0] < knee[0] - 0.3
    unmoved = [i for i, name in enumerate(SMPL_JOINTS) if name not in ("R_Ankle", "R_Toe")]
    np.testing.assert_allclose(bent[0, unmoved], straight[0, unmoved], atol=1e-12)


def test_turning_the_world_turns_the_result() -> None:
    rng = np.random.default_rng(0)
    pose, pelvis = rng.normal(0, 0.4, (7, 24, 3)), rng.normal(0, 1, (7, 3))
    turn = Rotation.from_euler("xyz", [0.3, -0.2, 1.9])
    positions, quat = smpl_kinematics(pose, pelvis)
    pose[:, 0] = (turn * Rotation.from_rotvec(pose[:, 0])).as_rotvec()
    turned, turned_quat = smpl_kinematics(pose, turn.apply(pelvis))
    np.testing.assert_allclose(turned, positions @ turn.as_matrix().T, atol=1e-9)
    expected = turn * Rotation.from_quat(quat, scalar_first=True)
    assert (expected.inv() * Rotation.from_quat(turned_quat, scalar_first=True)).magnitude().max() < 1e-9


@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_pelvis_orientation_follows_from_the_joints(scale: float) -> None:
    rng = np.random.default_rng(1)
    positions, quat = smpl_kinematics(rng.normal(0, 1.0, (50, 22, 3)), rng.normal(0, 1, (50, 3)))
    found = pelvis_orientation(positions * scale, SMPL_JOINTS[:22])
    angle = Rotation.from_quat(found, scalar_first=True).inv() * Rotation.from_quat(quat, scalar_first=True)
    assert angle.magnitude().max() < 1e-6


def test_smpl_variants_share_their_body() -> None:
    rng = np.random.default_rng(2)
    body = rng.normal(0, 0.3, (4, 66))
    for width in (72, 156, 165):
        pose = np.concatenate([body, rng.normal(0, 1, (4, width - 66))], axis=1)
        joints = pose_joints(pose)
        assert joints.shape == (4, 24 if width == 72 else 22, 3)
        np.testing.assert_array_equal(joints[:, :22].reshape(4, 66), body)
        np.testing.assert_array_equal(joints, pose_joints(pose.reshape(4, -1, 3)))
    with pytest.raises(ClipFormatError, match="63"):
        pose_joints(np.zeros((4, 63)))
