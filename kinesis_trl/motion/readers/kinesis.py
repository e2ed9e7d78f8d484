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
from kinesis_trl.motion.readers.conventions import check_frames, tidy_fps, words
from kinesis_trl.motion.readers.qpos import QPOS_WIDTH, qpos_clip
from kinesis_trl.motion.readers.smpl import smpl_clip
from kinesis_trl.motion.readers.tables import rate_of
from kinesis_trl.motion.retarget.skeleton import PELVIS_IN_MODEL
from kinesis_trl.motion.retarget.smpl_model import SmplModel

Array = NDArray[np.float64]

_NESTING = 3


def read_kinesis(
    path: Path,
    *,
    fps: float | None = None,
    up: str | None = None,
    unit: float | None = None,
    smpl_model: SmplModel | None = None,
) -> list[MotionClip]:
    """Every clip of a pickle: key → dict(pose_aa, trans_orig, …, fps), or clip index → {time: qpos (35)}.

    Initial-pose files give qpos clips at the rate of their times (10 Hz), named by a keys_open.csv or
    keys.csv (index,key) beside them. Raises ClipFormatError naming the file, the key and what is missing.
    """
    content = load_pickle(path)
    if not isinstance(content, Mapping) or not content:
        raise ClipFormatError(f"{path}: holds {type(content).__name__}, expected a non-empty dict of motions.")
    names = _key_table(path)
    clips = []
    for key, motion in _motions(content, path.stem):
        try:
            if _is_timed_qpos(motion):
                clips.append(_qpos_clip(names.get(key, f"{path.stem}_{key}"), motion, fps=fps))
            else:
                clips.append(_smpl_clip(key, motion, fps=fps, up=up, unit=unit, model=smpl_model))
        except ClipFormatError as error:
            raise ClipFormatError(f"{path}: motion {key!r}: {error}") from None
    if not clips:
        raise ClipFormatError(f"{path}: no motion in it; found the keys {_some(content)}, expected pose_aa.")
    return [clip.with_(source=str(path)) for clip in clips]


def _motions(content: Mapping[Any, Any], name: str, depth: int = 0) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Name and content of each motion in nested dicts; a lone nested key ('0') takes the name of the file."""
    if "pose_aa" in content or _is_timed_qpos(content):
        yield name, content
    elif depth < _NESTING:
        for key, value in content.items():
            if isinstance(value, Mapping):
                lone = len(content) == 1 and str(key).isdigit() and not _is_timed_qpos(value)
                yield from _motions(value, name if lone else str(key), depth + 1)


def _is_timed_qpos(motion: Mapping[Any, Any]) -> bool:
    return (
        bool(motion)
        and all(isinstance(key, (int, float, np.number)) for key in motion)
        and all(isinstance(value, np.ndarray) and value.ndim == 1 for value in motion.values())
    )


def _smpl_clip(
    key: str,
    motion: Mapping[str, Any],
    *,
    fps: float | None,
    up: str | None,
    unit: float | None,
    model: SmplModel | None,
) -> MotionClip:
    rate = fps if fps is not None else motion.get("fps")
    if rate is None:
        raise ClipFormatError("has no frame rate 'fps'; pass --fps.")
    if "trans_orig" not in motion and "root_trans_offset" not in motion:
        raise ClipFormatError(f"has neither root_trans_offset nor trans_orig; found {_some(motion)}.")
    # The original stores the pelvis itself as root_trans_offset; trans_orig is where the model's origin went.
    origin = PELVIS_IN_MODEL["smpl"]
    stored, trans = motion.get("root_trans_offset"), motion.get("trans_orig")
    pelvis = np.asarray(stored, dtype=np.float64) if stored is not None else np.asarray(trans) + origin
    moved = np.asarray(trans, dtype=np.float64) if trans is not None else pelvis - origin
    betas = np.asarray(motion.get("beta", motion.get("betas", np.zeros(0))), dtype=np.float64).reshape(-1)
    gender = str(motion.get("gender", "neutral"))
    return smpl_clip(
        name=key,
        fps=tidy_fps(float(rate)),
        pose=np.asarray(motion["pose_aa"]),
        pelvis=pelvis,
        trans=moved,
        betas=betas,
        up=up,
        unit=unit,
        model=model,
        extra={"gender": gender, "betas": betas},
    )


def _qpos_clip(name: str, motion: Mapping[float, Array], *, fps: float | None) -> MotionClip:
    times = sorted(motion)
    check_frames(len(times))
    widths = {len(value) for value in motion.values()}
    if widths != {QPOS_WIDTH}:
        raise ClipFormatError(f"has {sorted(widths)} coordinates a frame, expected {QPOS_WIDTH} for MyoLegs.")
    return qpos_clip(
        name,
        np.stack([motion[time] for time in times]),
        fps=rate_of(np.array(times, dtype=np.float64)) if fps is None else fps,
        label=words(name),
        notes=("knee and patella couplings and ground height as recorded",),
    )


def _key_table(path: Path) -> dict[str, str]:
    """Clip names by index from the table beside an initial-pose file, where there is one."""
    for table in (path.with_name("keys_open.csv"), path.with_name("keys.csv")):
        if table.is_file():
            try:
                with table.open(newline="", encoding="utf-8") as file:
                    rows = list(csv.DictReader(file))
            except (csv.Error, UnicodeDecodeError) as error:
                raise ClipFormatError(f"{table}: no CSV table with columns index and key ({error}).") from error
            return {row["index"]: row["key"] for row in rows if row.get("index") and row.get("key")}
    return {}


def _some(mapping: Mapping[Any, Any]) -> str:
    keys = [str(key) for key in mapping]
    return ", ".join(keys[:8]) + (", …" if len(keys) > 8 else "")
