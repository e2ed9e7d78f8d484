"""Train and test sets by name: key lists such as those of KIT, and the keys of AMASS's folder layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.reading import read_text

MAX_KEYS = 1_000_000
"""Longest key list that is read."""


def read_keys(path: str | Path) -> list[str]:
    """Keys of a text file, one a line; empty lines and lines that begin with '#' are left out."""
    path = Path(path)
    try:
        lines = read_text(path, most=100 * MAX_KEYS).splitlines()
    except OSError as error:
        raise ClipFormatError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        raise ClipFormatError(f"{path}: is not text; expected one key a line.") from error
    keys = [key for line in lines if (key := line.strip()) and not key.startswith("#")]
    if len(keys) > MAX_KEYS:
        raise ClipFormatError(f"{path}: more than {MAX_KEYS} keys; it is not a key list.")
    if not keys:
        raise ClipFormatError(f"{path}: has no keys; expected one a line, e.g. 0-KIT_314_walking_slow05_poses.")
    return keys


def amass_key(path: str | Path) -> str:
    """Key of a file in AMASS's folders: …/KIT/314/walking_slow05_poses.npz →
    'KIT_314_walking_slow05_poses'."""
    return "_".join(Path(path).with_suffix("").parts[-3:])


def canonical_key(key: str) -> str:
    """One spelling for the ways a clip is named.

    '0-KIT_314_walking_slow05_poses', 'KIT/314/walking_slow05_poses.npz' and 'KIT/314/walking_slow05_stageii'
    are the same clip: 'kit_314_walking_slow05'.
    """
    bare = re.sub(r"\.(npz|npy|pkl)$", "", key.strip())
    bare = re.sub(r"^\d+-", "", bare)
    return re.sub(r"_(poses|stageii)$", "", re.sub(r"[/\\\s]+", "_", bare).strip("_")).lower()


def select_split(clips: Iterable[MotionClip], keys: Sequence[str]) -> list[MotionClip]:
    """The clips that a key list names, in the order of the list.

    A clip is found by its name, or by the key of its place in AMASS's folders. Raises ClipFormatError when
    none of the keys is there; some may be missing, as every user has another part of the data.
    """
    by_key: dict[str, MotionClip] = {}
    for clip in clips:
        for key in (clip.name, str(clip.extra.get("key", ""))):
            by_key.setdefault(canonical_key(key), clip)
    chosen = [by_key[key] for key in dict.fromkeys(map(canonical_key, keys)) if key in by_key]
    if not chosen:
        raise ClipFormatError(
            f"none of the {len(keys)} keys names a clip; first key {keys[0] if keys else ''!r}, "
            f"first clip {next(iter(by_key), '')!r}."
        )
    return chosen
