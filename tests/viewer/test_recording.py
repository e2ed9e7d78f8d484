"""Videos of a session's episode; skipped where no off-screen OpenGL is installed."""

import os
import tempfile
import threading

import imageio_ffmpeg
import pytest

from kinesis_trl.evaluation.config import PictureConfig
from kinesis_trl.evaluation.rendering import BodyRenderer, RenderError
from kinesis_trl.viewer.recording import VideoExport, record_episode
from kinesis_trl.viewer.session import Choice
from tests.viewer.conftest import wait_for

pytestmark = pytest.mark.slow

SMALL = PictureConfig(width=320, height=200, shadows=False)


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
    record_episode(tmp_path / "march.mp4", session, longest=0.4, picture=SMALL, on_frame=lambda: counted.append(1))
    frames = imageio_ffmpeg.read_frames(str(tmp_path / "march.mp4"))
    meta = next(frames)
    assert meta["size"] == (320, 200) and meta["fps"] == 30
    assert sum(1 for _ in frames) == len(counted) == 13  # 0.4 s and the start


def test_commands_are_given_on_the_way(session, tmp_path):
    session.change(Choice(task="directional", policy="reference"))
    session.settle()
    record_episode(tmp_path / "steered.mp4", session, longest=0.2, picture=SMALL, orders=((0.1, "away"),))
    assert "away" in session.simulation.title


def test_an_export_is_delivered_from_a_thread_of_its_own_and_leaves_nothing(session, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    while len(session.moments) < 4:
        session.tick()
    export, got = VideoExport(session.body), []
    export.start(list(session.moments), "march: one/two", SMALL, lambda *sent: got.append(sent))
    with pytest.raises(ValueError, match="being drawn"):
        export.start(list(session.moments), "march", SMALL, lambda *sent: got.append(sent))
    wait_for(lambda: got)
    name, content = got[0]
    assert name == "march--one-two.mp4" and content[4:8] == b"ftyp"
    wait_for(lambda: export.status.startswith("Sent march--one-two.mp4"))
    assert list(tmp_path.iterdir()) == []
    export.close()


def test_closing_leaves_an_export_at_once(session):
    session.tick()
    export = VideoExport(session.body)
    export.start([session.shown] * 5000, "long", SMALL, lambda *sent: pytest.fail("it was sent"))
    wait_for(lambda: "Drawn" in export.status)
    export.close()
    assert export.status == "The export was left."
    assert not [t for t in threading.enumerate() if t.name.startswith("export")]


def test_a_failed_export_is_said(session, monkeypatch):
    def fail(*args, **kwargs):
        raise RenderError("no off-screen OpenGL")

    monkeypatch.setattr("kinesis_trl.viewer.recording.write_moments", fail)
    export = VideoExport(session.body)
    export.start([session.shown], "x", SMALL, print)
    wait_for(lambda: export.status == "No video: no off-screen OpenGL")
    export.close()
