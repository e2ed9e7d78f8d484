"""Fixtures for every test: where the reference arrays and recorded motions lie, and the bodies."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.library import MotionLibrary


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: with several workers none is left over at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


ROOMS = ("tests/planning/", "tests/trial/")
"""Folders whose files share what takes seconds to make: one worker runs all of a folder."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out whole files, and whole rooms."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Rooms(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((room for room in ROOMS if file.startswith(room)), file)

    return Rooms(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with golden arrays and recorded motion; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("KINESIS_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "golden").is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{folder} is missing, but these tests must run in CI; set KINESIS_SHARED.")
        pytest.skip(f"no reference data at {folder}; set KINESIS_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The 80-muscle body."""
    return load_body()


@pytest.fixture(scope="session")
def kinesis_xml(shared: Path) -> Path:
    """The original's model file."""
    return shared / "data" / "kinesis_model" / "myolegs.xml"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB of its own; only root may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def marching(
    body: BodyModel, *, frames: int = 61, speed: float = 0.3, turn: float = 0.0, name: str = "march"
) -> MotionClip:
    """A made-up clip at 30 frames/s: marching with bent knees, feet at floor height, optionally turning."""
    time = np.arange(frames) / 30
    qpos = np.tile(body.standing_qpos, (frames, 1))
    columns = {joint: 7 + k for k, joint in enumerate(body.joint_names)}
    for side, phase in (("r", 0.0), ("l", np.pi)):
        swing = np.sin(2 * np.pi * 0.8 * time + phase)
        qpos[:, columns[f"hip_flexion_{side}"]] = 0.15 + 0.3 * swing
        qpos[:, columns[f"knee_angle_{side}"]] = 0.3 + 0.25 * swing
        qpos[:, columns[f"ankle_angle_{side}"]] = 0.05 * swing
        qpos[:, columns[f"hip_adduction_{side}"]] = -0.05
    heading = turn * time
    qpos[:, 0], qpos[:, 1] = speed * time * np.cos(heading), speed * time * np.sin(heading)
    qpos[:, 3], qpos[:, 6] = np.cos(heading / 2), np.sin(heading / 2)
    qpos = body.couplings.apply(qpos)
    qpos[:, 2] -= body.lowest_foot_point(qpos)
    return MotionClip(name=name, fps=30.0, qpos=qpos, label="a person marches", category="march")


@pytest.fixture(scope="session")
def march(body: BodyModel) -> MotionClip:
    """A marching clip of two seconds."""
    return marching(body)


@pytest.fixture(scope="session")
def library(body: BodyModel, march: MotionClip) -> MotionLibrary:
    """Three marching clips of different lengths and speeds."""
    clips = [
        march,
        marching(body, frames=46, speed=0.0, name="in place"),
        marching(body, turn=0.7, name="turning"),
    ]
    return MotionLibrary.build(clips, body)
