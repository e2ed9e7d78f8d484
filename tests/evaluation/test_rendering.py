"""Pictures and videos; skipped where no off-screen OpenGL is installed."""

import os

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image as Pillow

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.rendering import BodyRenderer, RenderError, grid, write_video
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.evaluation.video import film, write_episodes, write_sheet


@pytest.fixture
def renderer(body):
    try:
        with BodyRenderer(body, width=120, height=160) as made:
            yield made
    except RenderError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def test_the_body_is_in_the_picture_and_active_muscles_are_redder(body, renderer):
    empty = body.standing_qpos.copy()
    empty[2] = 50.0
    sky = renderer.frame(empty)
    calm, tense = (renderer.frame(body.standing_qpos, np.full(80, a)).astype(int) for a in (0.0, 1.0))
    assert (np.abs(calm - sky).sum(-1) > 60).mean() > 0.02
    redness = [(image[..., 0] - image[..., 1:].mean(-1)).clip(0).sum() for image in (calm, tense)]
    assert redness[1] > 2 * redness[0]


def test_the_ghost_stands_where_the_reference_is(body, renderer):
    aside = body.standing_qpos.copy()
    aside[1] += 0.6
    plain = renderer.frame(body.standing_qpos).astype(int)
    haunted = renderer.frame(body.standing_qpos, reference=aside).astype(int)
    changed = np.abs(haunted - plain).sum(-1) > 30
    blueness = (haunted[..., 2] - haunted[..., 0])[changed]
    assert 0.005 < changed.mean() < 0.3 and blueness.mean() > 20


def test_a_grid_fills_rows_and_leaves_white():
    tile = np.zeros((4, 6, 3), dtype=np.uint8)
    sheet = grid([tile, tile, tile], columns=2)
    assert sheet.shape == (8, 12, 3) and (sheet[4:, 6:] == 255).all() and (sheet[:4] == 0).all()


def read(path):
    frames = imageio_ffmpeg.read_frames(str(path))
    return next(frames), sum(1 for _ in frames)


def test_video_has_every_frame_and_replaces_atomically(tmp_path):
    path = tmp_path / "out" / "a.mp4"
    rng = np.random.default_rng(0)
    write_video(path, (rng.integers(0, 255, (31, 41, 3), dtype=np.uint8) for _ in range(12)), fps=30)
    meta, count = read(path)
    assert meta["size"] == (40, 30) and count == 12 and meta["fps"] == 30
    before = path.read_bytes()

    def broken():
        yield np.zeros((30, 40, 3), dtype=np.uint8)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_video(path, broken())
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_episodes_side_by_side(body, library, renderer, tmp_path):
    episodes = play_clips(
        body, library, lambda env: baseline("zero", env), ImitationConfig(), keep_states=frozenset([0, 1])
    )
    counted = []
    write_episodes(tmp_path / "e.mp4", body, library, episodes[:2], on_frame=lambda: counted.append(1))
    longest = max(len(e.distance) for e in episodes[:2]) + 1
    assert read(tmp_path / "e.mp4")[1] == longest == len(counted)
    drawn = []
    write_sheet(tmp_path / "e.png", body, library, episodes[:2], every=10, columns=3, on_frame=lambda: drawn.append(1))
    with Pillow.open(tmp_path / "e.png") as sheet:
        counts = [len(e.distance) // 10 + 1 for e in episodes[:2]]
        assert len(drawn) == sum(counts)
        assert sheet.size == (3 * 200, 260 * sum(-(-count // 3) for count in counts))
    assert film(body, library, episodes[0], every=4).shape[1:] == (270, 240, 3)
    with pytest.raises(ValueError, match="turning"):
        write_episodes(tmp_path / "f.mp4", body, library, episodes)
