"""A motion library on disk: library.json and one .npy file for each array, checked in full when it is opened."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.atomic import replacing_folder, sweep
from kinesis_trl.body.model import BodyModel
from kinesis_trl.failures import printable
from kinesis_trl.motion.arrays import checked_size
from kinesis_trl.motion.clip import FPS, MAX_FRAMES, ClipFormatError
from kinesis_trl.motion.streams import open_file, read_json

MOTION = {"qpos": "<f8", "qvel": "<f8", "track": "<f8", "muscle_length": "<f4"}
"""Arrays of every library, and how they are kept."""
INVERSE = {"target_length": "<f4", "activation": "<f4", "moment_arm": "<f2"}
"""What static optimisation gives a library, and how it is kept."""
SOLVED = MOTION | INVERSE | {"unsolved": "<f8", "unsolved_qpos": "<f8"}
"""Arrays of a library with inverse solutions."""
FORMER = {"unsolved": "prepared", "unsolved_qpos": "prepared_qpos"}
"""Names of arrays in the files of earlier versions."""
FEEDBACK = {"feedback": "<f4"}
"""Gains that trajectory optimisation gives a library."""
LARGEST = 1e6
"""No number of a recorded motion is larger, in any unit of ours."""
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)"
    rb"\{'descr': '(?P<kind>[^'\n]{1,40})', 'fortran_order': False, 'shape': \((?P<shape>[0-9, ]{0,200})\), \} *\n",
    re.DOTALL,
)
_BLOCK = 1 << 22
_VERSION = 3
_LIBRARY = "library.json"


@dataclass(frozen=True, kw_only=True)
class ClipEntry:
    """Where one clip lies in the flat arrays, and what it is."""

    name: str
    """Name, unique in the library."""
    start: int
    """First frame in the flat arrays."""
    frames: int
    """Number of frames."""
    label: str = ""
    """What the motion shows, in words."""
    category: str = ""
    """Group for tables and learning curves."""
    source: str = ""
    """File or data set it came from."""
    licence: str = ""
    """Terms the source states."""


def is_library(folder: Path) -> bool:
    """Whether there is a motion library in `folder`, in whatever state."""
    return (Path(folder) / _LIBRARY).is_file()


def check_target(folder: Path) -> None:
    """Raise ClipFormatError where a library must not be written, as something else is in `folder`."""
    free = not folder.exists() or is_library(folder) or (folder.is_dir() and not any(folder.iterdir()))
    if not free:
        raise ClipFormatError(
            f"{folder} is not empty and holds something else than a motion library; give a new folder."
        )


def write_library(folder: Path, body: str, clips: Sequence[ClipEntry], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write to `folder`, created or replaced as a whole; a reader never sees half of it.

    Raises:
        ClipFormatError: there is a folder with something else in it, which must not be lost.
        OSError: it cannot be written; what was there is still whole.
    """
    folder = Path(folder)
    check_target(folder)
    sweep(folder.parent, folder.name)
    with replacing_folder(folder) as staging:
        for name, array in arrays.items():
            np.save(staging / f"{name}.npy", array)
        header = {
            "version": _VERSION,
            "inverse": "activation" in arrays,
            "feedback": "feedback" in arrays,
            "body": body,
            "fps": FPS,
            "clips": [asdict(clip) for clip in clips],
        }
        (staging / _LIBRARY).write_text(json.dumps(header, indent=1))


def read_library(folder: Path, body: BodyModel) -> tuple[list[ClipEntry], dict[str, NDArray[Any]]]:
    """Clips and arrays of a saved library; the arrays are mapped, and every number is looked at once.

    Raises:
        ClipFormatError: not a library, of another body or version, or damaged.
    """
    folder = Path(folder)
    if not folder.exists():
        sweep(folder.parent, folder.name)  # a process killed while it replaced the folder left the old one beside
    if not (folder / _LIBRARY).exists():
        raise ClipFormatError(f"{folder} holds no library.json; make one with kinesis prepare.")
    header = read_json(folder / _LIBRARY)
    try:
        version, name, fps = header["version"], header["body"], header["fps"]
        solved, feedback = bool(header["inverse"]), bool(header.get("feedback"))
        clips = _clips(header["clips"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClipFormatError(f"{folder / _LIBRARY} is damaged ({error!s:.200}); prepare it again.") from error
    if version != _VERSION or fps != FPS:
        raise ClipFormatError(
            f"{folder} has version {version!s:.20} at {fps!s:.20} frames/s, expected {_VERSION} at {FPS}; "
            "prepare it again."
        )
    if name != body.name:
        raise ClipFormatError(f"{folder} was of body {name!r:.80}, not {body.name!r}; pass --body {name!s:.80}.")
    frames = sum(clip.frames for clip in clips)
    kinds = (SOLVED if solved else MOTION) | (FEEDBACK if feedback else {})
    widths = _widths(body)
    return clips, {
        key: map_npy(_file(folder, key), (frames, *widths[key]), kind, largest=np.inf if key in FEEDBACK else LARGEST)
        for key, kind in kinds.items()
    }


def _file(folder: Path, key: str) -> Path:
    """The file of an array; under its earlier name where only that is there."""
    file, former = folder / f"{key}.npy", folder / f"{FORMER.get(key, key)}.npy"
    return former if former.exists() and not file.exists() else file


def _clips(listed: Any) -> list[ClipEntry]:
    """Entries that follow one another without a gap; ValueError or TypeError for anything else."""
    if not isinstance(listed, list) or not listed:
        raise ValueError("no clips, expected at least one")
    clips = [ClipEntry(**entry) for entry in listed]
    start = 0
    for clip in clips:
        for field in fields(clip):
            value = getattr(clip, field.name)
            if type(value) is not (int if field.name in ("start", "frames") else str):
                raise ValueError(f"{field.name} of a clip is {value!r:.40}")
            str(value).encode()  # half a character, which could not be printed, is a ValueError
        if clip.start != start or not 2 <= clip.frames <= MAX_FRAMES:
            raise ValueError(f"clip {clip.name!r:.80} of {clip.frames} frames at {clip.start}, expected at {start}")
        start += clip.frames
    texts = [field.name for field in fields(ClipEntry) if field.name not in ("start", "frames")]
    for clip, entry in zip(clips, listed, strict=True):
        entry.update({name: printable(getattr(clip, name), keep="") for name in texts})
    return [ClipEntry(**entry) for entry in listed]


def _widths(body: BodyModel) -> dict[str, tuple[int, ...]]:
    """Shape of one frame of each array."""
    model, joints = body.model, len(body.independent_joints)
    freedoms = len(body.couplings.independent_dofs(model.nv))
    return {
        "qpos": (model.nq,),
        "qvel": (model.nv,),
        "track": (len(body.tracked_ids), 6),
        "muscle_length": (model.nu,),
        "target_length": (model.nu,),
        "activation": (model.nu,),
        "moment_arm": (model.nu, joints),
        "unsolved": (len(body.tracked_ids), 6),
        "unsolved_qpos": (model.nq,),
        "feedback": (joints, 2 * freedoms + joints),
    }


def map_npy(path: Path, shape: tuple[int, ...], kind: str, *, largest: float = LARGEST) -> NDArray[Any]:
    """Numbers of an .npy file, mapped into memory; writing to them leaves the file as it is.

    Args:
        path: the file, as `numpy.save` writes it.
        shape: its expected shape.
        kind: its expected element type, a float in NumPy's spelling ("<f8").
        largest: magnitude that no number may pass.

    Raises:
        ClipFormatError: another shape or type, more or fewer bytes than the header says, or a number that is not
            finite or beyond `largest`. No element type is made of what the file says.
    """
    with open_file(path) as file:
        head = file.read(512)
        size = os.fstat(file.fileno()).st_size
        found = _HEADER.match(head)
        if found is None:
            raise ClipFormatError(f"{path} is damaged: its header is not one of numpy.save; prepare it again.")
        stated = tuple(int(n) for n in found["shape"].split(b",") if n.strip())
        dtype = np.dtype(kind)
        if found["kind"] != kind.encode() or stated != shape:
            raise ClipFormatError(
                f"{path} is damaged: it has {stated} {found['kind'].decode('latin1')!r}, expected {shape} {kind}; "
                "prepare it again."
            )
        needed = found.end() + checked_size(shape, dtype)[1]
        if int.from_bytes(found["length"], "little") != found.end() - 10 or size != needed:
            raise ClipFormatError(f"{path} is damaged: it has {size} bytes, expected {needed}; prepare it again.")
        # copy-on-write: torch needs writable memory, and the file must stay as it is
        array = np.memmap(file, dtype, "c", found.end(), shape)
    _check_numbers(path, array, largest)
    return np.asarray(array)


def _check_numbers(path: Path, array: NDArray[Any], largest: float) -> None:
    """Look at every number once, in blocks."""
    flat = array.reshape(-1)
    for start in range(0, len(flat), _BLOCK):
        block = flat[start : start + _BLOCK]
        if block.dtype.itemsize == 2:  # their exponent tells, ten times as fast as arithmetic in half precision
            whole = not ((block.view(np.uint16) & 0x7C00) == 0x7C00).any()
        else:
            low, high = block.min(), block.max()  # NaN where there is one
            whole = bool(np.isfinite(low) and np.isfinite(high) and -largest <= low and high <= largest)
        if not whole:
            raise ClipFormatError(
                f"{path} holds numbers that are not finite or beyond {largest:g}, as no motion has; prepare it again."
            )
