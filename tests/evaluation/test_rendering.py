"""Pictures and videos; skipped where no off-screen OpenGL is installed."""

import os

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image as Pillow

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.model import load_body
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.config import PictureConfig
from kinesis_trl.evaluation.lettering import NO_ARMS, caption, legend
from kinesis_trl.evaluation.rendering import (
    CAMERAS,
    REFERENCE,
    BodyRenderer,
    RenderError,
    grid,
    outlined,
    write_video,
)
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.evaluation.video import episode_frames, tiles, write_episodes, write_sheet

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("height", [1.5, 1.95])
def test_people_of_any_size_fill_the_picture_alike(renderer, height):
    """Rows from the head's top to the soles; the renderer of the fixture only skips where there is no OpenGL."""
    sized, rows = load_body(f"myolegs:height={height}"), []
    for made in (renderer, BodyRenderer(sized, width=120, height=160)):
        with made:
            made.frame(made.body.standing_qpos)
            rows.append(np.flatnonzero(made._silhouette(made.body.standing_qpos).any(1))[[0, -1]])
    assert rows[0][0] > 2 and np.abs(rows[0] - rows[1]).max() <= 3


def test_the_outline_is_where_the_reference_is(body, renderer):
    aside = body.standing_qpos.copy()
    aside[1] += 0.6
    plain = renderer.frame(body.standing_qpos).astype(int)
    drawn = renderer.frame(body.standing_qpos, reference=aside).astype(int)
    changed = np.abs(drawn - plain).sum(-1) > 30
    greenness = drawn[..., 1] - drawn[..., [0, 2]].max(-1)
    assert 0.002 < changed.mean() < 0.2 and greenness[changed].mean() > 15 and (greenness[~changed] < 40).all()
    columns = np.flatnonzero(changed.any(0))  # it stands to one side of the body
    body_columns = np.flatnonzero((np.abs(plain - renderer.frame(far(body))).sum(-1) > 60).any(0))
    assert columns.mean() < body_columns.mean() - 10 or columns.mean() > body_columns.mean() + 10


def far(body):
    qpos = body.standing_qpos.copy()
    qpos[2] = 50.0
    return qpos


def test_a_reference_at_the_body_changes_nothing_inside_it_and_does_not_flicker(body, renderer):
    qpos, plain = body.standing_qpos, renderer.frame(body.standing_qpos).astype(int)
    pictures = []
    for shift in (-2e-5, 0.0, 2e-5):
        reference = qpos.copy()
        reference[:3] += shift
        pictures.append(renderer.frame(qpos, reference=reference).astype(int))
    assert (np.abs(np.diff(pictures, axis=0)).max(-1) > 40).mean() < 0.003
    red_or_bone = (plain[..., 0] - plain[..., 1]) > 8
    kept = (np.abs(pictures[1] - plain).max(-1) < 8) & red_or_bone
    assert kept.sum() > 0.3 * red_or_bone.sum()


def test_an_outline_by_hand():
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:30, 10:30] = True
    mask[18:20, 10:30] = False  # a gap as between ribs is closed
    picture = outlined(np.full((40, 40, 3), 200, np.uint8), mask)
    near = np.abs(picture.astype(int) - REFERENCE).max(-1) < 60
    assert near[10, 20] and near[29, 20] and near[20, 10]
    assert (picture[13:27, 13:27] == 200).all() and (picture[:7] == 200).all()


def test_cameras_look_from_where_their_names_say(body):
    seen = {}
    aside = body.standing_qpos.copy()
    aside[0] += 0.5  # a step ahead, along x
    for name in ("side", "front", "behind"):
        with BodyRenderer(body, width=120, height=120, camera=CAMERAS[name]) as made:
            empty, there = made.frame(far(body)).astype(int), made.frame(aside)
            assert (np.abs(there - empty).sum(-1) > 60).mean() > 0.01
            drawn = np.abs(made.frame(body.standing_qpos, reference=aside).astype(int) - made.frame(body.standing_qpos))
            seen[name] = np.flatnonzero(drawn.sum(-1).any(0)).mean() - 59.5, int((drawn.sum(-1) > 30).sum())
    assert seen["side"][0] > 8 and abs(seen["front"][0]) < 8 > abs(seen["behind"][0])
    assert seen["front"][1] > seen["behind"][1]  # it comes nearer, or goes away


def test_grid():
    tile = np.zeros((4, 6, 3), dtype=np.uint8)
    sheet = grid([tile, tile, tile], columns=2)
    assert sheet.shape == (8, 12, 3) and (sheet[4:, 6:] == 255).all() and (sheet[:4] == 0).all()


def test_tiles_fill_the_picture():
    assert tiles(1, 1280, 680) == (1, 1280, 680)
    assert tiles(2, 1280, 680) == (2, 640, 680)
    assert tiles(4, 1280, 680)[0] in (3, 4) and tiles(12, 1280, 680)[1] >= 180
    assert tiles(2, 400, 900)[0] == 1


def test_titles_are_whole():
    """No letter is lost: the same title, wrapped, has as much ink on a narrow picture as on a wide one."""
    title = "turning_left_then_walking_backward_and_standing_on_one_leg (12)  " * 2

    def ink(width):
        return (caption(np.full((300, width, 3), 120, np.uint8), title, size=14) < 60).all(-1).sum()

    assert ink(200) == pytest.approx(ink(1600), rel=0.1) and ink(200) > 500


def test_the_legend_shows_both_colours_the_outline_and_says_that_arms_are_absent():
    strip = legend(1280, 44).astype(int)
    for colour in ((41, 82, 204), (219, 13, 15), REFERENCE):
        assert (np.abs(strip - colour).max(-1) < 12).any()
    box = np.flatnonzero((np.abs(strip - REFERENCE).max(-1) < 12).any(0))
    assert "no arms" in NO_ARMS and (strip[:, box.max() + 250 :] < 100).any() and (strip[:, 1270:] == 255).all()
    assert not (np.abs(legend(1280, 44, reference=False).astype(int) - REFERENCE).max(-1) < 12).any()


@pytest.mark.parametrize("size", [{"width": 10}, {"height": 9000}])
def test_absurd_sizes_are_refused(size):
    with pytest.raises(ValueError, match="expected 160 x 120"):
        PictureConfig(**size)


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
    small = PictureConfig(width=320, height=200, shadows=False)
    write_episodes(tmp_path / "e.mp4", body, library, episodes[:2], picture=small, on_frame=lambda: counted.append(1))
    longest = max(len(e.distance) for e in episodes[:2]) + 1
    meta, count = read(tmp_path / "e.mp4")
    assert count == longest == len(counted) and meta["size"] == (320, 200)
    assert PictureConfig().width >= 1280 and PictureConfig().height >= 720 and PictureConfig().shadows
    drawn = []
    write_sheet(tmp_path / "e.png", body, library, episodes[:2], every=10, columns=3, on_frame=lambda: drawn.append(1))
    with Pillow.open(tmp_path / "e.png") as sheet:
        counts = [len(e.distance) // 10 + 1 for e in episodes[:2]]
        assert len(drawn) == sum(counts)
        assert sheet.size == (3 * 200, 260 * sum(-(-count // 3) for count in counts))
    assert episode_frames(body, library, episodes[0], every=4).shape[1:] == (270, 240, 3)
    with pytest.raises(ValueError, match="turning"):
        write_episodes(tmp_path / "f.mp4", body, library, episodes)
