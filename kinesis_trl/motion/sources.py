"""Open a motion library from whatever the user names: a data set, a prepared folder, or raw motion files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import mujoco

from kinesis_trl import __version__
from kinesis_trl.atomic import write_text
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.readers.dispatch import motion_files, read_motions
from kinesis_trl.motion.retarget.onto_body import retarget
from kinesis_trl.motion.solving import SolveConfig

EMBEDDED = ("locomotion-v1/train", "locomotion-v1/test", "locomotion-v1/demo", "steered-v1", "brisk-v1")
"""Names of the data sets that need no file; demo is one test clip of each category."""


@dataclass(frozen=True)
class Refused:
    """A file or clip that could not be used."""

    name: str
    reason: str


def cache_folder() -> Path:
    """Where prepared motions are kept: $KINESIS_TRL_CACHE, else the user's cache folder."""
    named = os.environ.get("KINESIS_TRL_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(home) / "kinesis_trl"


def open_library(
    source: str | Path,
    body: BodyModel,
    *,
    inverse: SolveConfig | None = None,
    workers: int = 1,
    on_clip: Callable[[int, int], None] | None = None,
) -> tuple[MotionLibrary, list[Refused]]:
    """A motion library for `body`, prepared and solved on first use and cached.

    Args:
        source: one of `EMBEDDED`, a folder that `kinesis prepare` wrote, or a
            motion file, folder or pattern of any format we read.
        body: the body whose coordinates are wanted.
        inverse: also solve static optimisation; a prepared folder that holds its solutions is taken as it is.
        workers: processes that solve; the results do not depend on it.
        on_clip: called with (clips prepared or solved, clips in all) while there is something to do.

    Returns:
        The library, and what was left out and why.

    Raises:
        ClipFormatError: nothing usable there.
    """
    if str(source) in EMBEDDED:
        version, make = embedded(str(source))
        folder = cache_folder() / _digest(body, [str(source), version, repr(inverse)])
        return _cached(
            folder,
            body,
            lambda: (
                MotionLibrary.build(make(body), body, inverse=inverse, workers=workers, on_solved=on_clip),
                [],
            ),
        )
    path = Path(source)
    if (path / "library.json").exists():
        library = MotionLibrary.load(path, body)
        if inverse is None or library.inverse is not None:
            return library, []
        contents = [hashlib.sha256(library.qpos.numpy().tobytes()).hexdigest(), repr(library.clips), repr(inverse)]
        return _cached(
            cache_folder() / _digest(body, contents),
            body,
            lambda: (
                MotionLibrary.build(
                    [as_clip(library, k) for k in range(len(library))],
                    body,
                    inverse=inverse,
                    workers=workers,
                    on_solved=on_clip,
                ),
                [],
            ),
        )
    files = motion_files(source)
    if not files:
        raise ClipFormatError(
            f"{source}: no motion file there; give a file, a folder, or one of {', '.join(EMBEDDED)}."
        )
    stamps = [f"{p.resolve()} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in files if p.exists()]
    folder = cache_folder() / _digest(body, [*stamps, repr(inverse)])
    return _cached(folder, body, lambda: _prepare(source, body, inverse, workers, on_clip))


def embedded(name: str) -> tuple[str, Callable[[BodyModel], list[MotionClip]]]:
    """Version and maker of one of the data sets `EMBEDDED`."""
    from kinesis_trl.motion.gait import brisk, locomotion, steered  # noqa: PLC0415  generators, which files do not need

    if name == "brisk-v1":
        return brisk.VERSION, brisk.brisk_v1
    if name == "steered-v1":
        return steered.VERSION, steered.steered_v1
    split: locomotion.Split = name.rpartition("/")[2]  # type: ignore[assignment]  # one of EMBEDDED
    return locomotion.VERSION, lambda body: locomotion.locomotion_v1(split, body)


def as_clip(library: MotionLibrary, index: int) -> MotionClip:
    """A clip of a library that holds no inverse solutions by itself, as it was prepared."""
    entry = library.clips[index]
    return MotionClip(
        name=entry.name,
        fps=FPS,
        qpos=library.qpos[entry.start : entry.start + entry.frames].numpy(),
        label=entry.label,
        category=entry.category,
        source=entry.source,
        licence=entry.licence,
    )


def _digest(body: BodyModel, parts: list[str]) -> str:
    versions = [__version__, mujoco.__version__, body.name]
    if Path(body.name).is_file():
        versions.append(str(Path(body.name).stat().st_mtime_ns))
    return hashlib.sha256("\n".join([*versions, *parts]).encode()).hexdigest()[:24]


def _cached(
    folder: Path, body: BodyModel, make: Callable[[], tuple[MotionLibrary, list[Refused]]]
) -> tuple[MotionLibrary, list[Refused]]:
    notes = folder.with_suffix(".refused.json")  # what was left out must be said again next time
    try:
        return MotionLibrary.load(folder, body), [Refused(**item) for item in json.loads(notes.read_text())]
    except (ClipFormatError, OSError, ValueError, TypeError):  # not there yet, or damaged
        library, refused = make()
    try:
        write_text(notes, json.dumps([asdict(item) for item in refused]))
        library.save(folder)
    except OSError:  # a cache that cannot be written only costs time
        pass
    return library, refused


def _prepare(
    source: str | Path,
    body: BodyModel,
    inverse: SolveConfig | None,
    workers: int,
    on_clip: Callable[[int, int], None] | None,
) -> tuple[MotionLibrary, list[Refused]]:
    clips, refused = [], []
    for path, content in read_motions([source]):
        if isinstance(content, ClipFormatError):
            refused.append(Refused(str(path), str(content)))
        else:
            clips += content
    prepared = []
    if on_clip is not None:
        on_clip(0, len(clips))
    for done, clip in enumerate(clips, start=1):
        try:
            prepared.append(retarget(clip, body)[0])
        except ClipFormatError as error:
            refused.append(Refused(clip.name, str(error)))
        if on_clip is not None:
            on_clip(done, len(clips))
    if not prepared:
        reasons = "; ".join(f"{r.name}: {r.reason}" for r in refused[:3])
        raise ClipFormatError(f"{source}: no usable motion ({reasons}).")
    return MotionLibrary.build(prepared, body, inverse=inverse, workers=workers, on_solved=on_clip), refused
