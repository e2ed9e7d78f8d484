"""Recorded episodes as a video: clips side by side, each with the clip as it was prepared as a ghost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from kinesis_trl.atomic import replacing
from kinesis_trl.body.model import BodyModel
from kinesis_trl.evaluation.ghosts import ghost
from kinesis_trl.evaluation.rendering import BodyRenderer, Image, caption, grid, write_video
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
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Write episodes whose states were recorded as an .mp4; an episode that ended stands still, greyed.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
        ValueError: an episode without recorded states.
    """
    _check_recorded(library, episodes)
    with BodyRenderer(body) as renderer:
        write_video(path, _frames(renderer, library, episodes, on_frame), fps=FPS)


def film(
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


def _frames(
    renderer: BodyRenderer,
    library: MotionLibrary,
    episodes: Sequence[Episode],
    on_frame: Callable[[], None] | None,
) -> Iterator[Image]:
    last: list[Image] = []
    for t in range(max(len(e.distance) for e in episodes) + 1):
        if t:
            last = [
                _picture(renderer, library, e, t) if t <= len(e.distance) else p
                for e, p in zip(episodes, last, strict=True)
            ]
        else:
            last = [_picture(renderer, library, e, t) for e in episodes]
        yield grid(last)
        if on_frame is not None:
            on_frame()


def _picture(renderer: BodyRenderer, library: MotionLibrary, episode: Episode, t: int) -> Image:
    assert episode.qpos is not None and episode.activation is not None
    entry = library.clips[episode.clip]
    image = renderer.frame(episode.qpos[t], episode.activation[t], ghost(library, episode.clip, t))
    text = f"{entry.name[:40]}\n{t / FPS:5.2f} s"
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


def write_runs(path: Path, body: BodyModel, runs: Sequence[Run], *, on_frame: Callable[[], None] | None = None) -> None:
    """Write recorded bodies side by side as an .mp4; one that ended stands still.

    Raises:
        RenderError: no off-screen OpenGL on this machine.
    """

    def pictures(renderer: BodyRenderer) -> Iterator[Image]:
        last = [_pose(renderer, run, 0) for run in runs]
        for t in range(max(len(run.qpos) for run in runs)):
            if t:
                last = [_pose(renderer, r, t) if t < len(r.qpos) else p for r, p in zip(runs, last, strict=True)]
            yield grid(last)
            if on_frame is not None:
                on_frame()

    with BodyRenderer(body) as renderer:
        write_video(path, pictures(renderer), fps=FPS)


def _pose(renderer: BodyRenderer, run: Run, t: int) -> Image:
    reference = None if run.reference is None else run.reference[t]
    return caption(renderer.frame(run.qpos[t], run.activation[t], reference), f"{run.title}\n{t / FPS:5.2f} s")


def spread_over_categories(library: MotionLibrary, wanted: int) -> list[int]:
    """Indices of about `wanted` clips: first one of each category, then the second ones, and so on."""
    groups: dict[str, list[int]] = {}
    for i, clip in enumerate(library.clips):
        groups.setdefault(clip.category, []).append(i)
    turns = [g[k] for k in range(max(map(len, groups.values()))) for g in groups.values() if k < len(g)]
    return sorted(turns[: max(1, wanted)])
