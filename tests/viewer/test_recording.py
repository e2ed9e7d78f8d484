"""Videos of a session's episode; skipped where no off-screen OpenGL is installed."""

import os

import imageio_ffmpeg
import pytest

from kinesis_trl.evaluation.rendering import BodyRenderer, RenderError
from kinesis_trl.viewer.recording import record_episode
from kinesis_trl.viewer.session import Choice


@pytest.fixture(autouse=True)
def opengl(body):
    try:
        with BodyRenderer(body, width=64, height=64):
            pass
    except RenderError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def test_the_episode_is_filmed_to_its_end(session, tmp_path):
    counted = []
    record_episode(tmp_path / "march.mp4", session, longest=0.4, on_frame=lambda: counted.append(1))
    frames = imageio_ffmpeg.read_frames(str(tmp_path / "march.mp4"))
    meta = next(frames)
    assert meta["size"] == (640, 480) and meta["fps"] == 30
    assert sum(1 for _ in frames) == len(counted) == 13  # 0.4 s and the start


def test_commands_are_given_on_the_way(session, tmp_path):
    session.change(Choice(task="directional", policy="reference"))
    session.settle()
    record_episode(tmp_path / "steered.mp4", session, longest=0.2, orders=((0.1, "away"),))
    assert "away" in session.simulation.title
