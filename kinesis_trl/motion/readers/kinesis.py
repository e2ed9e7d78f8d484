"""KINESIS and PHC pickles: SMPL motions by key, and the initial-pose files with body coordinates at 10 Hz."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.pickles import load_pickle
from kinesis_trl.motion.readers.conventions import check_frames, words
from kinesis_trl.motion.readers.qpos import QPOS_WIDTH, qpos_clip
from kinesis_trl.motion.readers.registry import Clips, MotionFile, ReadOptions, reader
from kinesis_trl.motion.readers.smpl import smpl_clip
from kinesis_trl.motion.readers.tables import rate_of
from kinesis_trl.motion.retarget.skeleton import PELVIS_IN_MODEL

Array = NDArray[np.float64]

_NESTING = 3


@reader("KINESIS or PHC pickle of motions", ".pkl")
def read_kinesis(file: MotionFile, options: ReadOptions) -> Clips:
    """SMPL poses in radians (axis-angle) and roots in metres, z up; or MyoLegs coordinates by time in seconds.

    The file has key → dict(pose_aa, trans_orig, …, fps), a list of these, or clip index → {time: qpos (35)}.
    Initial-pose files give qpos clips at the rate of their times (10 Hz), named by a keys_open.csv or keys.csv
    (index,key) beside them.
    """
    content = load_pickle(file.path)
    if isinstance(content, (list, tuple)) and all(isinstance(motion, Mapping) for motion in content):
        content = {f"{file.path.stem}_{k}": motion for k, motion in enumerate(content)}
    if not isinstance(content, Mapping) or not content:
        raise ClipFormatError(f"holds {type(content).__name__}, expected a non-empty dict of motions.")
    names = _key_table(file.path)
    clips: list[MotionClip | ClipFormatError] = []
    for key, motion in _motions(content, file.path.stem):
        try:
            if _is_timed_qpos(motion):
                clips.append(_qpos_clip(names.get(key, f"{file.path.stem}_{key}"), motion, options))
            else:
                clips.append(_smpl_clip(key, motion, options))
        except ClipFormatError as error:
            clips.append(ClipFormatError(f"motion {key!r}: {error}"))
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            clips.append(ClipFormatError(f"motion {key!r}: malformed ({type(error).__name__}: {error})."))
    if not clips:
        raise ClipFormatError(f"no motion in it; found the keys {_some(content)}, expected pose_aa.")
    for key, value in ({} if _is_motion(content) else content).items():
        plain = isinstance(value, (str, bytes, int, float, np.number))
        if not plain and not (isinstance(value, Mapping) and any(_motions(value, "", 1))):
            found = f"the keys {_some(value)}" if isinstance(value, Mapping) else type(value).__name__
            clips.append(ClipFormatError(f"motion {str(key)!r}: is no motion; found {found}, expected pose_aa."))
    return clips


def _motions(content: Mapping[Any, Any], name: str, depth: int = 0) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Name and content of each motion in nested dicts; a lone nested key ('0') takes the name of the file."""
    if _is_motion(content):
        yield name, content
    elif depth < _NESTING:
        for key, value in content.items():
            if isinstance(value, Mapping):
                lone = len(content) == 1 and str(key).isdigit() and not _is_timed_qpos(value)
                yield from _motions(value, name if lone else str(key), depth + 1)


def _is_motion(content: Mapping[Any, Any]) -> bool:
    return "pose_aa" in content or _is_timed_qpos(content)


def _is_timed_qpos(motion: Mapping[Any, Any]) -> bool:
    return (
        bool(motion)
        and all(isinstance(key, (int, float, np.number)) for key in motion)
        and all(isinstance(value, np.ndarray) and value.ndim == 1 for value in motion.values())
    )


def _smpl_clip(key: str, motion: Mapping[str, Any], options: ReadOptions) -> MotionClip:
    rate = motion.get("fps") if options.fps is None else options.fps
    if rate is None:
        raise ClipFormatError("has no frame rate 'fps'; pass --fps.")
    # The original stores the pelvis itself as root_trans_offset; trans_orig is where the model's origin went.
    origin = PELVIS_IN_MODEL["smpl"]
    stored, trans = motion.get("root_trans_offset"), motion.get("trans_orig")
    if stored is None and trans is None:
        raise ClipFormatError(f"has neither root_trans_offset nor trans_orig; found {_some(motion)}.")
    pelvis = np.asarray(stored, dtype=np.float64) if stored is not None else np.asarray(trans) + origin
    return smpl_clip(
        key,
        options,
        fps=float(rate),
        pose=np.asarray(motion["pose_aa"]),
        pelvis=pelvis,
        trans=np.asarray(trans, dtype=np.float64) if trans is not None else pelvis - origin,
        betas=motion.get("beta", motion.get("betas")),
        gender=motion.get("gender", "neutral"),
    )


def _qpos_clip(name: str, motion: Mapping[float, Array], options: ReadOptions) -> MotionClip:
    times = sorted(motion)
    check_frames(len(times))
    widths = {len(value) for value in motion.values()}
    if widths != {QPOS_WIDTH}:
        raise ClipFormatError(f"has {sorted(widths)} coordinates a frame, expected {QPOS_WIDTH} for MyoLegs.")
    return qpos_clip(
        name,
        np.stack([motion[time] for time in times]),
        fps=rate_of(np.array(times, dtype=np.float64)) if options.fps is None else options.fps,
        label=words(name),
        notes=("knee and patella couplings and ground height as recorded",),
    )


def _key_table(path: Path) -> dict[str, str]:
    """Clip names by index from the table beside an initial-pose file, where there is one."""
    for table in (path.with_name("keys_open.csv"), path.with_name("keys.csv")):
        if table.is_file():
            try:
                with table.open(newline="", encoding="utf-8") as file:
                    rows = [(row.get("index"), row.get("key")) for row in csv.DictReader(file)]
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                raise ClipFormatError(f"{table} beside it cannot be read ({error}); mend or remove it.") from error
            return {index: key for index, key in rows if index and key}
    return {}


def _some(mapping: Mapping[Any, Any]) -> str:
    keys = [str(key) for key in mapping]
    return ", ".join(keys[:8]) + (", …" if len(keys) > 8 else "")
