"""What the tests of the readers share: the table of recorded clips and how a clip moves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import MotionClip


@dataclass(frozen=True)
class Gait:
    """How a clip moves over the ground."""

    forward: float
    """Mean speed along the pelvis's facing in m/s."""
    left: float
    """Mean speed to the left in m/s."""
    turn: float
    """Turn from first to last frame in degrees, left positive."""
    seconds: float
    height: np.ndarray
    """(T,) height of the pelvis in metres."""


def measure(clip: MotionClip) -> Gait:
    """Gait of a clip, its heading taken from the hips (or the root quaternion of qpos)."""
    if clip.qpos is not None:
        root = clip.qpos[:, :3]
        yaw = Rotation.from_quat(clip.qpos[:, 3:7], scalar_first=True).as_euler("ZYX")[:, 0]
    else:
        root, left, right = (joint(clip, name) for name in ("Pelvis", "L_Hip", "R_Hip"))
        yaw = np.arctan2(-(left - right)[:, 0], (left - right)[:, 1])
    yaw = np.unwrap(yaw)
    velocity = np.diff(root[:, :2], axis=0) * clip.fps
    middle = (yaw[1:] + yaw[:-1]) / 2
    forward = velocity[:, 0] * np.cos(middle) + velocity[:, 1] * np.sin(middle)
    sideways = velocity[:, 1] * np.cos(middle) - velocity[:, 0] * np.sin(middle)
    turn = float(np.degrees(yaw[-1] - yaw[0]))
    return Gait(float(forward.mean()), float(sideways.mean()), turn, clip.seconds, root[:, 2])


def joint(clip: MotionClip, name: str) -> np.ndarray:
    """(T, 3) positions of a joint."""
    assert clip.positions is not None
    return clip.positions[:, clip.joint_names.index(name)]


@pytest.fixture
def gait() -> Callable[[MotionClip], Gait]:
    return measure


@pytest.fixture(scope="session")
def motions(shared: Path) -> Path:
    """Folder of recorded clips by source."""
    return shared / "data" / "motions"


@pytest.fixture(scope="session")
def recorded(shared: Path) -> dict[str, tuple[float, float, float, float, float]]:
    """fps, seconds, forward m/s, left m/s and turn (degrees) of every recorded clip, by the table's name for
    it."""
    rows = {}
    for line in (shared / "data" / "MANIFEST.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 10 and re.fullmatch(r"[\d.]+", cells[3]):
            fps, seconds, _, forward, left, turn = (float(cell) for cell in cells[3:9])
            rows[cells[2]] = (fps, seconds, forward, left, turn)
    return rows


BONES = (  # name, parent, offset in metres with y up and z forward
    ("Hips", None, (0, 0, 0)),
    ("LeftUpLeg", "Hips", (0.09, -0.08, 0)),
    ("LeftLeg", "LeftUpLeg", (0, -0.4, 0)),
    ("LeftFoot", "LeftLeg", (0, -0.4, 0)),
    ("LeftToeBase", "LeftFoot", (0, -0.06, 0.13)),
    ("RightUpLeg", "Hips", (-0.09, -0.08, 0)),
    ("RightLeg", "RightUpLeg", (0, -0.4, 0)),
    ("RightFoot", "RightLeg", (0, -0.4, 0)),
    ("RightToeBase", "RightFoot", (0, -0.06, 0.13)),
    ("Spine", "Hips", (0, 0.1, 0)),
)


def bvh_text(
    frames: np.ndarray, *, axes: np.ndarray | None = None, scale: float = 1.0, fps: float = 30.0, names: tuple = BONES
) -> str:
    """BVH of a small person. frames: (T, 3 + 3·joints) root position and Zrotation Xrotation Yrotation each.

    axes: (3, 3) rotation from y-up axes to the file's; scale: file units per metre.
    """
    axes = np.eye(3) if axes is None else axes

    def write(name: str, depth: int) -> list[str]:
        offset = next(o for n, _, o in names if n == name)
        x, y, z = axes @ np.array(offset, dtype=float) * scale
        channels = "6 Xposition Yposition Zposition" if depth == 0 else "3"
        lines = [f"{'JOINT' if depth else 'ROOT'} {name}", "{", f"OFFSET {x} {y} {z}"]
        lines.append(f"CHANNELS {channels} Zrotation Xrotation Yrotation")
        children = [n for n, parent, _ in names if parent == name]
        for child in children:
            lines += write(child, depth + 1)
        if not children:
            lines += ["End Site", "{", "OFFSET 0 0 0", "}"]
        return [*lines, "}"]

    rows = [" ".join(f"{v:.9g}" for v in frame) for frame in frames]
    head = ["HIERARCHY", *write("Hips", 0), "MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / fps:.9g}"]
    return "\n".join([*head, *rows]) + "\n"


@pytest.fixture
def write_bvh() -> Callable[..., str]:
    return bvh_text
