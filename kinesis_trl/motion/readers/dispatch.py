"""One entrance to all readers: by a file's ending and content to the clips in it."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.readers.conventions import words
from kinesis_trl.motion.readers.foreign import check_content, foreign_ending
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions, reader_of, suffixes
from kinesis_trl.motion.streams import printable

SUFFIXES = suffixes()
"""Endings of files that are looked into when a folder is read."""


@dataclass(frozen=True)
class FileContent:
    """What is in a motion file."""

    clips: list[MotionClip]
    """The motions that can be used."""
    refused: list[ClipFormatError]
    """One error for each of the others, which names it and says why."""


def read_file(path: str | Path, options: ReadOptions | None = None) -> FileContent:
    """Every clip of a motion file, whatever its format, and what in it cannot be used.

    Raises:
        ClipFormatError: no clip can be used; names the file, what was found and what mends it.
    """
    path, options = Path(path), options or ReadOptions()
    if path.is_dir():
        raise ClipFormatError(f"{path}: is a folder; give its files (`motion_files` finds them).")
    if not path.is_file():
        raise ClipFormatError(f"{path}: no such file; check the path.")
    if options.unit is not None and not 0.0 < options.unit < float("inf"):
        raise ClipFormatError(f"unit of {options.unit} metres; give a positive number, e.g. 0.01 for centimetres.")
    if path.suffix.lower() not in SUFFIXES:
        raise ClipFormatError(f"{path}: {foreign_ending(path.suffix, SUFFIXES)}")
    try:
        file = MotionFile(path)
        check_content(file)
        found = reader_of(file).read(file, options)
    except ClipFormatError as error:
        raise _named(path, error) from None
    except OSError as error:
        raise ClipFormatError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Content of the wrong type in a place the reader does not expect; the file is at fault, not the user.
        raise ClipFormatError(f"{path}: malformed content ({type(error).__name__}: {error}).") from error
    clips = [_labelled(path, clip) for clip in found if isinstance(clip, MotionClip)]
    refused = [_named(path, error) for error in found if isinstance(error, ClipFormatError)]
    if not clips:
        more = f" So are the {len(refused) - 1} other motions in it." if len(refused) > 1 else ""
        raise ClipFormatError(f"{refused[0]}{more}" if refused else f"{path}: holds no motion.")
    return FileContent(clips, refused)


def read_motion(path: str | Path, **options: Any) -> list[MotionClip]:
    """Every clip of a motion file, whatever its format; for a file of which only a part can be used see `read_file`.

    Args:
        path: file of a format in `SUFFIXES`.
        options: fields of `ReadOptions`: fps, up, unit, smpl_model.

    Raises:
        ClipFormatError: names the file, the motion in it that cannot be used, what was found and what mends it.
    """
    content = read_file(path, ReadOptions(**options))
    if content.refused:
        raise content.refused[0]
    return content.clips


def motion_files(given: str | Path) -> list[Path]:
    """The files that a path, folder or glob pattern stands for, sorted."""
    path = Path(given)
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    if path.exists() or not glob.has_magic(str(given)):
        return [path]
    return sorted(p for p in map(Path, glob.glob(str(given), recursive=True)) if p.suffix.lower() in SUFFIXES)


def _named(path: Path, error: ClipFormatError) -> ClipFormatError:
    """The error, with the file's name in front where it is not in it."""
    return error if str(path) in str(error) else ClipFormatError(f"{path}: {error}")


def _labelled(path: Path, clip: MotionClip) -> MotionClip:
    """The clip with source and label, and without control characters in its texts."""
    label = printable(clip.label or words(clip.name))
    return clip.with_(name=printable(clip.name), label=label, source=clip.source or str(path))
