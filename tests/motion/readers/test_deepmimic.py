"""DeepMimic text: geometry by hand, recorded cycles, and malformed rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers import read_motion

R_KNEE, L_ELBOW = 20, 43


def rows(frames: int = 4, **values: float) -> list[list[float]]:
    """Rows of a person standing still; values are set in every row by column ('c20')."""
    row = [1 / 30, 0, 0.86, 0] + [1, 0, 0, 0] * 4 + [0] + [1, 0, 0, 0] * 2 + [0] + [1, 0, 0, 0] + [0]
    row += [1, 0, 0, 0] * 2 + [0]
    for column, value in values.items():
        row[int(column[1:])] = value
    return [list(row) for _ in range(frames)]


def save(path: Path, frames, loop: str = "wrap") -> Path:
    path.write_text(json.dumps({"Loop": loop, "Frames": frames}))
    return path


def at(clip, name: str) -> np.ndarray:
    return clip.positions[:, clip.joint_names.index(name)]


def test_geometry_by_hand(tmp_path: Path) -> None:
    assert all(len(row) == 44 for row in rows())
    (clip,) = read_motion(save(tmp_path / "a.txt", rows(**{f"c{R_KNEE}": -np.pi / 2, f"c{L_ELBOW}": np.pi / 2})))
    assert clip.fps == 30.0 and clip.extra["loop"]
    # Right is −y after turning to z up; a negative knee angle bends the shank backwards (the body faces +y here,
    # as all y-up data whose +z becomes +x).
    pelvis = at(clip, "Pelvis")[0]
    forward = np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(pelvis, [0, 0, 0.86])
    np.testing.assert_allclose(at(clip, "R_Ankle")[0] - at(clip, "R_Knee")[0], -0.41 * forward, atol=1e-12)
    np.testing.assert_allclose(at(clip, "L_Ankle")[0] - at(clip, "L_Knee")[0], [0, 0, -0.41], atol=1e-12)
    np.testing.assert_allclose(at(clip, "L_Toe")[0] - at(clip, "L_Ankle")[0], 0.12 * forward - [0, 0, 0.03], atol=1e-12)
    assert at(clip, "R_Hip")[0] @ [1, 0, 0] == pytest.approx(0.085)


def test_recorded_cycles(motions: Path, recorded, gait) -> None:
    files = [p for p in sorted(motions.glob("deepmimic_pybullet/*.txt")) if p.name in recorded]
    assert len(files) == 4
    for path in files:
        (clip,) = read_motion(path)
        fps, seconds, forward, left, turn = recorded[path.name]
        seen = gait(clip)
        assert clip.fps == pytest.approx(fps, abs=0.1)
        assert seen.seconds == pytest.approx(seconds, abs=0.02)
        assert (seen.forward, seen.left) == pytest.approx((forward, left), abs=0.05), path
        assert seen.turn == pytest.approx(turn, abs=3), path
        assert 0.0 < np.minimum(at(clip, "L_Toe")[:, 2], at(clip, "R_Toe")[:, 2]).min() < 0.05, path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "not JSON text"),
        ("[" * 100_000, "not JSON text"),
        ("[1, 2]", "has no 'Frames'"),
        ('{"Frames": [[1, 2]]}', "has no 'Frames' of 44 numbers"),
        (json.dumps({"Frames": []}), "has 0 frames"),
        (json.dumps({"Frames": rows(1)}), "is a single pose"),
        (json.dumps({"Frames": rows(c2="x")}), "not a number"),
        (json.dumps({"Frames": rows(c2=float("nan"))}), "Frames is not finite in 4 of 4"),
        (json.dumps({"Frames": rows(c4=0.0)}), "pelvis has quaternions"),
        (json.dumps({"Frames": rows(c0=0.0)}), "equally long"),
        (json.dumps({"Frames": rows(2) + rows(2, c0=0.1)}), "equally long"),
    ],
)
def test_malformed_text_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(ClipFormatError, match=rf"a\.txt: .*{message}"):
        read_motion(path)
