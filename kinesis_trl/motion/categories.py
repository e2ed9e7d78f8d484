"""Which kind of locomotion a clip shows: by the words of its name and label, else by how it moves."""

from __future__ import annotations

import re

import numpy as np

from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.resample import continuous_quat

_WORDS: tuple[tuple[str, str], ...] = (
    (r"handrail|support|beam|stairs|crutch", "walk supported"),
    (r"backward|walk back", "walk backward"),
    (r"counter ?clockwise circle|counterclockwise", "circle counter-clockwise"),
    (r"clockwise circle|clockwise", "circle clockwise"),
    (r"\brun(ning)?\b|\bjog", "run"),
    (r"turn(s|ing)?( in place)? left|left turn", "turn left"),
    (r"turn(s|ing)?( in place)? right|right turn", "turn right"),
    (r"side ?(step|ways)", "sidestep"),
    (r"\bslow(ly)?\b", "walk slow"),
    (r"\bmedium\b", "walk medium"),
    (r"\b(fast|quick(ly)?|brisk(ly)?)\b", "walk fast"),
)


def categorise(clip: MotionClip) -> str:
    """The clip's own category, or one from its words, or one from its motion (qpos clips)."""
    if clip.category:
        return clip.category
    return _from_words(f"{clip.name} {clip.label}") or ("" if clip.qpos is None else _from_motion(clip))


def _from_words(text: str) -> str:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)  # LeftTurn03 → Left Turn03
    plain = re.sub(r"[^a-z]+", " ", apart.lower())
    return next((category for pattern, category in _WORDS if re.search(pattern, plain)), "")


def _from_motion(clip: MotionClip) -> str:
    assert clip.qpos is not None
    w, x, y, z = continuous_quat(clip.qpos[:, 3:7]).T
    heading = np.unwrap(np.arctan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z)))
    step = np.diff(clip.qpos[:, :2], axis=0) * clip.fps
    middle = heading[:-1]
    forward = step[:, 0] * np.cos(middle) + step[:, 1] * np.sin(middle)
    left = step[:, 1] * np.cos(middle) - step[:, 0] * np.sin(middle)
    speed = float(np.hypot(step[:, 0], step[:, 1]).mean())
    turned = float(np.degrees(heading[-1] - heading[0]))
    side = "left" if turned > 0 else "right"
    if abs(turned) > 270:
        return "circle counter-clockwise" if turned > 0 else "circle clockwise"
    if abs(turned) > 50:
        return f"turn {side}" if speed > 0.15 else f"turn in place {side}"
    if speed < 0.1:
        return "stand"
    if abs(left.mean()) > abs(forward.mean()):
        return "sidestep"
    if forward.mean() < 0:
        return "walk backward"
    quick = float(np.percentile(forward, 80))
    if quick > 2.0:
        return "run"
    return "walk slow" if quick < 0.7 else "walk medium" if quick < 1.2 else "walk fast"
