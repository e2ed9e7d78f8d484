"""Where what takes long to make is kept: by the code and the settings that make it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from kinesis_trl.atomic import sweep, write_text
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.ingest import Refused
from kinesis_trl.motion.library import MotionLibrary

_PACKAGE = Path(__file__).parents[1]
_ROOMS = ("body", "motion")
_LIBRARIES = ("mujoco", "myo-sim", "numpy", "scipy")


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


def entry_for(body: BodyModel, parts: Iterable[str]) -> Path:
    """Folder in the cache of what the present code makes of `parts` for a body."""
    named = Path(body.name)
    file = f"{named.resolve()} {named.stat().st_mtime_ns}" if named.is_file() else ""
    text = "\n".join([code_digest(*_ROOMS), body.name, file, *parts])
    return cache_folder() / hashlib.sha256(text.encode()).hexdigest()[:24]


def cached(
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
