"""One entrance to all readers: by a file's ending and content to the clips in it."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.pickles import load_npy, load_npz
from kinesis_trl.motion.readers.amass import amass_clip
from kinesis_trl.motion.readers.amc import read_amc
from kinesis_trl.motion.readers.bvh import read_bvh
from kinesis_trl.motion.readers.conventions import words
from kinesis_trl.motion.readers.deepmimic import read_deepmimic
from kinesis_trl.motion.readers.humanml import VECTOR_WIDTH, joints_clip, mdm_clips, vector_joints
from kinesis_trl.motion.readers.kinesis import read_kinesis
from kinesis_trl.motion.readers.opensim import is_opensim, opensim_clip
from kinesis_trl.motion.readers.poselib import poselib_clip
from kinesis_trl.motion.readers.qpos import QPOS_WIDTH, array_clip, npz_clip, table_clip
from kinesis_trl.motion.readers.registry import ReadOptions
from kinesis_trl.motion.readers.splits import amass_key
from kinesis_trl.motion.readers.tables import read_table
from kinesis_trl.motion.retarget.smpl_model import SmplModel

SUFFIXES = (".amc", ".bvh", ".csv", ".json", ".mot", ".npy", ".npz", ".pkl", ".sto", ".txt")
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
    given = options or ReadOptions()
    clips = read_motion(path, fps=given.fps, up=given.up, unit=given.unit, smpl_model=given.smpl_model)
    return FileContent(clips, [])


def read_motion(
    path: str | Path,
    *,
    fps: float | None = None,
    up: str | None = None,
    unit: float | None = None,
    smpl_model: SmplModel | None = None,
) -> list[MotionClip]:
    """Every clip of a motion file, whatever its format.

    Args:
        path: file of a format in `SUFFIXES`.
        fps: frame rate that overrides, or stands in for, the file's own.
        up: up axis of the recording ('y', 'z', '-y', …) instead of the detected one.
        unit: metres per unit of length instead of the detected or stated one.
        smpl_model: the user's SMPL model, to use the body shape of SMPL data.

    Raises:
        ClipFormatError: names the file, what was found and what mends it.
    """
    path = Path(path)
    if path.is_dir():
        raise ClipFormatError(f"{path}: is a folder; give files, or use read_motions.")
    if not path.is_file():
        raise ClipFormatError(f"{path}: no such file; check the path.")
    readers: dict[str, Callable[[], list[MotionClip]]] = {
        ".bvh": lambda: read_bvh(path, fps=fps, up=up, unit=unit),
        ".amc": lambda: read_amc(path, fps=fps, up=up, unit=unit),
        ".pkl": lambda: read_kinesis(path, fps=fps, up=up, unit=unit, smpl_model=smpl_model),
        ".npz": lambda: [_npz(path, fps, up, unit, smpl_model)],
        ".npy": lambda: _npy(path, fps, up, unit),
        **dict.fromkeys((".txt", ".json"), lambda: read_deepmimic(path, fps=fps, up=up, unit=unit)),
        **dict.fromkeys((".mot", ".sto", ".csv"), lambda: [_table(path, fps, unit)]),
    }
    if unit is not None and not 0.0 < unit < float("inf"):
        raise ClipFormatError(f"unit of {unit} metres; give a positive number, e.g. 0.01 for centimetres.")
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ClipFormatError(f"{path}: ending {path.suffix!r} is not read; known: {', '.join(SUFFIXES)}.")
    try:
        clips = reader()
    except ClipFormatError as error:
        if str(path) in str(error):
            raise
        raise ClipFormatError(f"{path}: {error}") from None
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Content of the wrong type in a place the reader does not expect; the file is at fault, not the user.
        raise ClipFormatError(f"{path}: malformed content ({type(error).__name__}: {error}).") from error
    return [clip.with_(label=clip.label or words(clip.name)) for clip in clips]


def read_motions(
    paths: Iterable[str | Path], *, reader: Callable[[Path], list[MotionClip]] = read_motion
) -> Iterator[tuple[Path, list[MotionClip] | ClipFormatError]]:
    """Each file of the given files, folders and globs with its clips, or with the error that refused it.

    Folders are searched through for `SUFFIXES`. One bad file does not stop the others. `reader` is
    `read_motion` or a version of it with options set. A folder or pattern without any such file is itself an
    error.
    """
    for given in paths:
        files = motion_files(given)
        if not files:
            yield (
                Path(given),
                ClipFormatError(f"{given}: no motion file there; known: {', '.join(SUFFIXES)}."),
            )
        for path in files:
            try:
                yield path, reader(path)
            except ClipFormatError as error:
                yield path, error


def motion_files(given: str | Path) -> list[Path]:
    """The files that a path, folder or glob pattern stands for, sorted."""
    path = Path(given)
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    if path.exists() or not glob.has_magic(str(given)):
        return [path]
    return sorted(p for p in map(Path, glob.glob(str(given), recursive=True)) if p.suffix.lower() in SUFFIXES)


def _npz(path: Path, fps: float | None, up: str | None, unit: float | None, smpl_model: SmplModel | None) -> MotionClip:
    content = load_npz(path)
    if "qpos" in content:
        return npz_clip(path, content, fps=fps)
    clip = amass_clip(path, content, fps=fps, up=up, unit=unit, smpl_model=smpl_model)
    return clip.with_(extra=clip.extra | {"key": amass_key(path)})


def _npy(path: Path, fps: float | None, up: str | None, unit: float | None) -> list[MotionClip]:
    array = load_npy(path)
    if array.dtype == object and array.ndim == 0:
        content = array.item()
        if isinstance(content, dict) and "skeleton_tree" in content:
            return [poselib_clip(path, content, fps=fps, up=up, unit=unit)]
        if isinstance(content, dict) and "motion" in content:
            return mdm_clips(path, content, fps=fps, up=up, unit=unit)
        found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise ClipFormatError(f"holds {found[:200]}; expected a poselib SkeletonMotion or the results of MDM.")
    if not np.issubdtype(array.dtype, np.number):
        raise ClipFormatError(f"holds elements of type {array.dtype}, expected numbers.")
    if array.ndim == 3:
        return [joints_clip(path, array, fps=fps, up=up, unit=unit)]
    if array.ndim == 2 and array.shape[1] == VECTOR_WIDTH:
        return [joints_clip(path, vector_joints(array), fps=fps, up=up, unit=unit)]
    if array.ndim == 2 and array.shape[1] == QPOS_WIDTH:
        return [array_clip(path, array, fps=fps)]
    raise ClipFormatError(
        f"has shape {array.shape}; expected joints (T, 22, 3), features (T, {VECTOR_WIDTH}) or qpos (T, {QPOS_WIDTH})."
    )


def _table(path: Path, fps: float | None, unit: float | None) -> MotionClip:
    table = read_table(path)
    if is_opensim(table.columns) and "root_z" not in table.columns:
        return opensim_clip(path, table, fps=fps, unit=unit)
    if not table.columns or "root_z" in table.columns:
        return table_clip(path, table, fps=fps)
    raise ClipFormatError(
        f"its columns {', '.join(table.columns[:8])} are neither joint angles under OpenSim's names "
        "(hip_flexion_r, …) nor MyoLegs coordinates (root_x, …)."
    )
