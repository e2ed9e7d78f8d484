"""Open a motion library from whatever the user names: a data set, a prepared folder, or raw motion files.

What takes long to make is kept in a cache, by the code and the settings that make it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path

from kinesis_trl.atomic import sweep, write_text
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.ingest import IngestConfig, Refused, ingest, library_of
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.library_files import is_library
from kinesis_trl.motion.readers.dispatch import motion_files
from kinesis_trl.motion.solving import SolveConfig

__all__ = ["EMBEDDED", "IngestConfig", "Refused", "as_clip", "cache_folder", "embedded", "open_library"]

EMBEDDED = ("locomotion-v1/train", "locomotion-v1/test", "locomotion-v1/demo", "steered-v1", "brisk-v1")
"""Names of the data sets that need no file; demo is one test clip of each category."""


_PACKAGE = Path(__file__).parents[1]
_ROOMS = ("body", "motion")
_LIBRARIES = ("mujoco", "myo-sim", "numpy", "scipy")


def open_library(
    source: str | Path,
    body: BodyModel,
    *,
    inverse: SolveConfig | None = None,
    reading: IngestConfig | None = None,
    workers: int = 1,
    on_clip: Callable[[int, int], None] | None = None,
) -> tuple[MotionLibrary, list[Refused]]:
    """A motion library for `body`, prepared and solved on first use and cached.

    Args:
        source: one of `EMBEDDED`, a folder that `kinesis prepare` wrote, or a
            motion file, folder or pattern of any format we read.
        body: the body whose coordinates are wanted.
        inverse: also solve static optimisation; a prepared folder that holds its solutions is taken as it is.
        reading: what the user says about motion files.
        workers: processes that read and solve; the results do not depend on it.
        on_clip: called with (parts of files or clips done, in all) while there is something to do.

    Returns:
        The library, and what was left out and why.

    Raises:
        ClipFormatError: nothing usable there.
    """
    solve = partial(library_of, body=body, inverse=inverse, workers=workers, on_solved=on_clip)
    if str(source) in EMBEDDED:
        made = embedded(str(source))
        return _cached(_entry(body, [str(source), repr(inverse)]), body, lambda: solve(made(body)))
    path = Path(source)
    if is_library(path):
        library = MotionLibrary.load(path, body)
        if inverse is None or library.inverse is not None:
            return library, []
        contents = [hashlib.sha256(library.qpos.numpy().tobytes()).hexdigest(), repr(library.clips), repr(inverse)]
        clips = [as_clip(library, k) for k in range(len(library))]
        return _cached(_entry(body, contents), body, lambda: solve(clips))
    files = motion_files(source)
    if not files:
        raise ClipFormatError(
            f"{source}: no motion file there; give a file, a folder, or one of {', '.join(EMBEDDED)}."
        )
    options = reading or IngestConfig()
    named = [*files, *(p for p in (options.smpl_model, options.keys) if p is not None)]
    stamps = [f"{p.resolve()} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in named if p.exists()]

    def prepare() -> tuple[MotionLibrary, list[Refused]]:
        found = ingest([source], body, options, workers=workers, on_part=on_clip)
        if not found.clips:
            reasons = "; ".join(r.reason if r.name in r.reason else f"{r.name}: {r.reason}" for r in found.refused[:3])
            raise ClipFormatError(f"{source}: no usable motion ({reasons}).")
        library, failed = solve([clip for clip, _ in found.clips])
        return library, found.refused + failed

    return _cached(_entry(body, [*stamps, repr(options), repr(inverse)]), body, prepare)


def embedded(name: str) -> Callable[[BodyModel], list[MotionClip]]:
    """What makes one of the data sets `EMBEDDED`."""
    from kinesis_trl.motion.gait import data_sets  # noqa: PLC0415  generators, which files do not need

    if name == "brisk-v1":
        return data_sets.brisk_v1
    if name == "steered-v1":
        return data_sets.steered_v1
    split: data_sets.Split = name.rpartition("/")[2]  # type: ignore[assignment]  # one of EMBEDDED
    return partial(data_sets.locomotion_v1, split)


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


def cache_folder() -> Path:
    """Where prepared motions are kept: $KINESIS_TRL_CACHE, else the user's cache folder, else a temporary one."""
    if named := os.environ.get("KINESIS_TRL_CACHE"):
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kinesis_trl"
    except RuntimeError:  # a user without a home, as in containers
        return Path(tempfile.gettempdir()) / f"kinesis_trl-{os.getuid()}"


@lru_cache
def code_digest(*rooms: str) -> str:
    """Hash of all files of the package's folders `rooms`, and of the versions of the libraries they stand on."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library} {metadata.version(library)}\n".encode())
    for room in rooms:
        for path in sorted((_PACKAGE / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = path.read_bytes()
                digest.update(f"{path.relative_to(_PACKAGE)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _entry(body: BodyModel, parts: Iterable[str]) -> Path:
    """Folder in the cache of what the present code makes of `parts` for a body."""
    named = Path(body.name)
    file = f"{named.resolve()} {named.stat().st_mtime_ns}" if named.is_file() else ""
    text = "\n".join([code_digest(*_ROOMS), body.name, file, *parts])
    return cache_folder() / hashlib.sha256(text.encode()).hexdigest()[:24]


def _cached(
    entry: Path, body: BodyModel, make: Callable[[], tuple[MotionLibrary, list[Refused]]]
) -> tuple[MotionLibrary, list[Refused]]:
    """The library in an entry, and what was left out of it; made where it is not there, damaged or incomplete."""
    sweep(entry.parent)
    notes = entry.with_suffix(".refused.json")  # what was left out must be said again next time
    try:
        return MotionLibrary.load(entry, body), [Refused(**item) for item in json.loads(notes.read_text())]
    except (ClipFormatError, OSError, ValueError, TypeError, RecursionError):
        library, refused = make()
    try:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
        write_text(notes, json.dumps([item._asdict() for item in refused]))
        library.save(entry)
    except OSError:  # a cache that cannot be written only costs time
        pass
    return library, refused
