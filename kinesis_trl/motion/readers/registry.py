"""The list of readers: each format's module adds itself, so that a new format is one new file.

A reader is a function from a file and options to clips, with the endings it takes and how it recognises its content:

    @reader("my format", ".abc", recognises=lambda file: file.head.startswith(b"ABC"))
    def _mine(file: MotionFile, options: ReadOptions) -> list[MotionClip]:
        \"""Joint positions in millimetres, z up, 100 frames/s.\"""
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.pickles import load_npy, load_npz
from kinesis_trl.motion.readers.tables import Table, read_table
from kinesis_trl.motion.retarget.smpl_model import SmplModel

_HEAD = 4096


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What the user says about files instead of what they say or what is detected."""

    fps: float | None = None
    """Frames per second."""
    up: str | None = None
    """Up axis of the recording: 'x', 'y', 'z', '-x', '-y' or '-z'."""
    unit: float | None = None
    """Metres per unit of length."""
    smpl_model: SmplModel | None = None
    """The user's SMPL model, for the body shape of SMPL data."""


class MotionFile:
    """A motion file with its content, which is loaded once and only when a reader asks for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """Where it is."""

    @property
    def suffix(self) -> str:
        """Ending in lower case, with its dot."""
        return self.path.suffix.lower()

    @cached_property
    def head(self) -> bytes:
        """The first 4096 bytes."""
        with self.path.open("rb") as file:
            return file.read(_HEAD)

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Content of an .npz file by name."""
        return load_npz(self.path)

    @cached_property
    def array(self) -> NDArray[Any]:
        """Content of an .npy file."""
        return load_npy(self.path)

    @cached_property
    def item(self) -> Any:
        """The one object in an .npy file of objects; None when it holds numbers."""
        return self.array.item() if self.array.dtype == object and self.array.ndim == 0 else None

    @cached_property
    def table(self) -> Table:
        """Content of an .mot, .sto or .csv file."""
        return read_table(self.path)

    @property
    def found(self) -> str:
        """What a file holds that no reader recognises, in words."""
        if self.suffix == ".npz":
            return f"arrays {', '.join(self.arrays) or 'none'}"
        if self.suffix == ".npy":
            item = self.item
            if item is None:
                return f"an array of shape {self.array.shape} and type {self.array.dtype}"
            return ", ".join(map(str, item)) if isinstance(item, dict) else type(item).__name__
        if self.suffix in (".mot", ".sto", ".csv"):
            return f"columns {', '.join(self.table.columns[:8])}"
        return "something else"


Clips = Sequence[MotionClip | ClipFormatError]
"""The clips of a file; in place of one that cannot be used, the error that names it and says why."""


@dataclass(frozen=True)
class Reader:
    """One format."""

    name: str
    """What people call the format, and what of it is expected."""
    suffixes: tuple[str, ...]
    """Endings in lower case, with their dots."""
    read: Callable[[MotionFile, ReadOptions], Clips]
    """From a file of this format to its clips; raises ClipFormatError when none can be used."""
    recognises: Callable[[MotionFile], bool]
    """Whether the content of a file with one of the endings is of this format."""


_READERS: list[Reader] = []


def reader(
    name: str, *suffixes: str, recognises: Callable[[MotionFile], bool] = lambda file: True
) -> Callable[[Callable[[MotionFile, ReadOptions], Clips]], Callable[[MotionFile, ReadOptions], Clips]]:
    """Add the decorated function to the readers."""

    def add(read: Callable[[MotionFile, ReadOptions], Clips]) -> Callable[[MotionFile, ReadOptions], Clips]:
        _READERS.append(Reader(name, suffixes, read, recognises))
        return read

    return add


@cache
def readers() -> tuple[Reader, ...]:
    """All readers of this package, by the name of their modules."""
    package = importlib.import_module("kinesis_trl.motion.readers")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return tuple(sorted(_READERS, key=lambda entry: (entry.read.__module__, entry.name)))


def suffixes() -> tuple[str, ...]:
    """All endings that some reader takes."""
    return tuple(sorted({suffix for entry in readers() for suffix in entry.suffixes}))


def reader_of(file: MotionFile) -> Reader:
    """The reader that recognises a file; raises ClipFormatError that says what the file is or holds."""
    candidates = [entry for entry in readers() if file.suffix in entry.suffixes]
    for entry in candidates:
        if entry.recognises(file):
            return entry
    expected = " or ".join(entry.name for entry in candidates)
    raise ClipFormatError(f"holds {file.found[:200]}; expected {expected}.")
