"""Motions with inverse solutions."""

import pytest

from kinesis_trl.body.residuals import ResidualConfig
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig


@pytest.fixture(scope="session")
def solved(body, march) -> MotionLibrary:
    """A second of marching with its inverse solution."""
    short = march.with_(qpos=march.qpos[:31])
    return MotionLibrary.build([short], body, inverse=SolveConfig(residuals=ResidualConfig(rounds=1)))
