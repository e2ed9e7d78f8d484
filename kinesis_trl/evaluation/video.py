"""Recorded episodes as a video: clips side by side, each with the outline of the clip as it was before solving."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from kinesis_trl.atomic import replacing
from kinesis_trl.body.model import BodyModel
from kinesis_trl.evaluation.config import PictureConfig
from kinesis_trl.evaluation.ghosts import ghost
from kinesis_trl.evaluation.lettering import caption, legend, legend_height
from kinesis_trl.evaluation.rendering import CAMERAS, BodyRenderer, Image, grid, write_video
from kinesis_trl.evaluation.rollout import Episode
from kinesis_trl.motion.library import FPS, MotionLibrary

SHEET_EVERY = 6
"""Frames from one picture of a sheet to the next."""


def write_episodes(
    path: Path,
    body: BodyModel,
    library: MotionLibrary,
    episodes: Sequence[Episode],
    *,
    picture: PictureConfig | None = None,
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Write episodes whose states were recorded as an .mp4; an episode that ended stands still, greyed.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
        ValueError: an episode without recorded states.
    """
    _check_recorded(library, episodes)
    longest = max(len(e.distance) for e in episodes) + 1

    def draw(renderer: BodyRenderer, index: int, t: int) -> Image | None:
        episode = episodes[index]
        return _picture(renderer, library, episode, t) if t <= len(episode.distance) else None

    write_side_by_side(path, body, len(episodes), longest, draw, picture or PictureConfig(), on_frame)


def episode_frames(
    body: BodyModel, library: MotionLibrary, episode: Episode, *, every: int = 2, width: int = 240, height: int = 270
) -> NDArray[np.uint8]:
    """A recorded episode as pictures (T, height, width, 3), every `every`-th frame.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
    """
    with BodyRenderer(body, width=width, height=height) as renderer:
        steps = range(0, len(episode.distance) + 1, every)
        return np.stack([_picture(renderer, library, episode, t) for t in steps])


def write_sheet(
    path: Path,
    body: BodyModel,
    library: MotionLibrary,
    episodes: Sequence[Episode],
    *,
    every: int = SHEET_EVERY,
    columns: int = 15,
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Write recorded episodes as one picture, every `every`-th frame, to see without a player how bodies move.

    Each episode begins a row of `columns` pictures.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
        ValueError: an episode without recorded states.
    """
    _check_recorded(library, episodes)
    rows = []
    with BodyRenderer(body, width=200, height=260) as renderer:
        for episode in episodes:
            pictures = []
            for t in range(0, len(episode.distance) + 1, every):
                pictures.append(_picture(renderer, library, episode, t))
                if on_frame is not None:
                    on_frame()
            rows.append(grid(pictures, columns))
    with replacing(path) as temporary, temporary.open("wb") as file:
        Pillow.fromarray(np.concatenate(rows)).save(file, format=path.suffix.lstrip(".") or "png")


def _check_recorded(library: MotionLibrary, episodes: Sequence[Episode]) -> None:
    unrecorded = [library.clips[e.clip].name for e in episodes if e.qpos is None]
    if unrecorded or not episodes:
        raise ValueError(f"no recorded states of {unrecorded or 'any episode'}; play them with keep_states.")


Draw = Callable[[BodyRenderer, int, int], Image | None]
"""Draws a body by its index at a frame; None once it has ended."""


def write_side_by_side(
    path: Path,
    body: BodyModel,
    bodies: int,
    frames: int,
    draw: Draw,
    config: PictureConfig,
    on_frame: Callable[[], None] | None,
) -> None:
    """Write bodies side by side above a legend as an .mp4; the last picture of one that ended stays."""
    strip = legend(config.width, legend_height(config.height))
    columns, width, height = tiles(bodies, config.width, config.height - len(strip))
    last: list[Image | None] = [None] * bodies

    def pictures(renderer: BodyRenderer) -> Iterator[Image]:
        for t in range(frames):
            for index in range(bodies):
                new = draw(renderer, index, t)
                last[index] = last[index] if new is None else new
            whole = np.full((config.height, config.width, 3), 255, np.uint8)
            shown = grid([image for image in last if image is not None], columns)
            whole[: len(shown), : shown.shape[1]] = shown
            whole[-len(strip) :] = strip
            yield whole
            if on_frame is not None:
                on_frame()

    with BodyRenderer(
        body, width=width, height=height, camera=CAMERAS[config.camera], shadows=config.shadows
    ) as renderer:
        write_video(path, pictures(renderer), fps=FPS)


def tiles(count: int, width: int, height: int) -> tuple[int, int, int]:
    """Columns, and width and height of each of `count` pictures, that show bodies largest in `width` × `height`."""

    def size(columns: int) -> float:
        return min(height // -(-count // columns), 1.25 * (width // columns))  # a body is higher than wide

    columns = max(range(1, count + 1), key=size)
    return columns, width // columns, height // -(-count // columns)


def _picture(renderer: BodyRenderer, library: MotionLibrary, episode: Episode, t: int) -> Image:
    assert episode.qpos is not None and episode.activation is not None
    entry = library.clips[episode.clip]
    image = renderer.frame(episode.qpos[t], episode.activation[t], ghost(library, episode.clip, t))
    text = f"{entry.name}\n{t / FPS:5.2f} s"
    if t == len(episode.distance):
        followed = t == episode.steps
        text += "  end of clip" if followed else "  lost"
        if not followed:
            image = (0.5 * image + 0.5 * np.mean(image, axis=2, keepdims=True)).astype(np.uint8)
    return caption(image, text)


@dataclass(frozen=True)
class Run:
    """Recorded states of one body."""

    title: str
    """Written on the picture."""
    qpos: NDArray[np.float64]
    """(T, nq) coordinates, 30 a second."""
    activation: NDArray[np.float64]
    """(T, M) muscle activations."""
    reference: NDArray[np.float64] | None = None
    """(T', nq) coordinates of the ghost, T' ≥ T, where there is one."""


def write_runs(
    path: Path,
    body: BodyModel,
    runs: Sequence[Run],
    *,
    picture: PictureConfig | None = None,
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Write recorded bodies side by side as an .mp4; one that ended stands still.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
    """

    def draw(renderer: BodyRenderer, index: int, t: int) -> Image | None:
        run = runs[index]
        if t >= len(run.qpos):
            return None
        reference = None if run.reference is None else run.reference[t]
        return caption(renderer.frame(run.qpos[t], run.activation[t], reference), f"{run.title}\n{t / FPS:5.2f} s")

    longest = max(len(run.qpos) for run in runs)
    write_side_by_side(path, body, len(runs), longest, draw, picture or PictureConfig(), on_frame)


def spread_over_categories(library: MotionLibrary, wanted: int) -> list[int]:
    """Indices of about `wanted` clips: first one of each category, then the second ones, and so on."""
    groups: dict[str, list[int]] = {}
    for i, clip in enumerate(library.clips):
        groups.setdefault(clip.category, []).append(i)
    turns = [g[k] for k in range(max(map(len, groups.values()))) for g in groups.values() if k < len(g)]
    return sorted(turns[: max(1, wanted)])
