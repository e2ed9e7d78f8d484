"""Recorded walking for the tests of inverse dynamics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kinesis_trl.body.inverse import InverseSolution, solve
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.retarget.onto_body import retarget

FPS = 30.0
_WALKS = ("167_walking_medium06", "317_walking_fast04", "317_walking_fast01", "425_walking_fast06")


@pytest.fixture(scope="session")
def walks(shared: Path, body: BodyModel) -> dict[str, NDArray[np.float64]]:
    """Level walking at 0.9 to 1.4 m/s between standing and standing, qpos (T, nq) at 30 frames/s by name."""
    clips = read_motion(shared / "data" / "motions" / "kinesis_kit_qpos10hz" / "initial_pose_test_open.pkl")
    wanted = {name: clip for name in _WALKS for clip in clips if name in clip.name}
    assert len(wanted) == len(_WALKS)
    return {name: retarget(clip, body)[0].qpos for name, clip in wanted.items()}


@pytest.fixture(scope="session")
def solved(body: BodyModel, walks: dict[str, NDArray[np.float64]]) -> dict[str, InverseSolution]:
    """Their static optimisation."""
    return {name: solve(body, qpos, FPS) for name, qpos in walks.items()}
