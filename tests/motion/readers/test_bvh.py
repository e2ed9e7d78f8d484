"""BVH: geometry by hand, units and axes, every recorded file, and broken text."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.readers.conventions import MAX_CLIP_FRAMES

WIDTH = 3 + 3 * 10


def standing(frames: int = 5) -> np.ndarray:
    """Rows of a person who stands and walks 0.1 m forward (z) a frame."""
    rows = np.zeros((frames, WIDTH))
    rows[:, 1], rows[:, 2] = 0.95, 0.1 * np.arange(frames)
    return rows


def at(clip, name: str) -> np.ndarray:
    return clip.positions[:, clip.joint_names.index(name)]


def test_geometry_by_hand(tmp_path: Path, write_bvh) -> None:
    rows = standing()
    rows[:, 3 + 3 * 2 + 1] = 90.0  # Xrotation of the left knee, in degrees
    (tmp_path / "a.bvh").write_text(write_bvh(rows))
    (clip,) = read_motion(tmp_path / "a.bvh")
    assert clip.fps == 30.0
    forward = 0.1 * np.arange(5)
    np.testing.assert_allclose(at(clip, "Pelvis"), np.stack([forward, 0 * forward, 0 * forward + 0.95], 1))
    np.testing.assert_allclose(at(clip, "L_Knee")[0], [0, 0.09, 0.47], atol=1e-12)
    np.testing.assert_allclose(at(clip, "L_Ankle")[0], [-0.4, 0.09, 0.47], atol=1e-12)  # bent backwards
    np.testing.assert_allclose(at(clip, "R_Ankle")[0], [0, -0.09, 0.07], atol=1e-12)
    np.testing.assert_allclose(np.abs(clip.pelvis_quat[:, 0]), 1.0)


@pytest.mark.parametrize(
    ("unit", "scale"), [("metre", 1), ("centimetre", 100), ("CMU", 0.45 / 0.0254), ("millim", 1e3)]
)
@pytest.mark.parametrize("up", ["y", "z", "x", "-y"])
def test_units_and_axes_are_found(tmp_path: Path, write_bvh, unit: str, scale: float, up: str) -> None:
    y_up = read_motion(write(tmp_path / "a.bvh", write_bvh(standing())))[0]
    axes = {"y": np.eye(3), "z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]], "x": [[0, 1, 0], [0, 0, 1], [1, 0, 0]]}
    turn = np.array(axes.get(up, np.diag([-1, -1, 1.0])), dtype=float)
    rows = standing()
    rows[:, :3] = rows[:, :3] @ turn.T * scale
    (clip,) = read_motion(write(tmp_path / "b.bvh", write_bvh(rows, axes=turn, scale=scale)))
    assert any(unit in note for note in clip.notes)
    assert any(note.startswith(f"up axis {'is ' * (up != 'y')}{up}") for note in clip.notes), clip.notes
    np.testing.assert_allclose(at(clip, "Pelvis")[:, 2], 0.95, atol=1e-6)
    np.testing.assert_allclose(np.diff(at(clip, "Pelvis"), axis=0), np.diff(clip.positions[:, 0], axis=0))
    # The same person up to a turn about the vertical: same facing in the pelvis's own frame.
    heading = Rotation.from_quat(clip.pelvis_quat, scalar_first=True)
    np.testing.assert_allclose(heading.apply([0, 0, 1])[:, 2], 1.0, atol=1e-9)
    local = heading[0].inv().apply(clip.positions[-1] - clip.positions[0, 0])
    np.testing.assert_allclose(local, y_up.positions[-1] - y_up.positions[0, 0], atol=1e-6)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_overrides_and_unknown_sizes(tmp_path: Path, write_bvh) -> None:
    path = write(tmp_path / "a.bvh", write_bvh(standing(), scale=5.0))
    with pytest.raises(ClipFormatError, match=r"a\.bvh: legs of 4 units .* pass --unit"):
        read_motion(path)
    (clip,) = read_motion(path, unit=0.2, fps=50, up="y")
    np.testing.assert_allclose(at(clip, "L_Hip")[0, 2] - at(clip, "L_Ankle")[0, 2], 0.8)
    assert clip.fps == 50


def test_a_calibration_pose_in_front_is_left_out(tmp_path: Path, write_bvh) -> None:
    rows = standing(6)
    rows[1:, 3 + 3 * 1 + 1] = rows[1:, 3 + 3 * 5 + 1] = -60.0  # sits from the second frame on
    (clip,) = read_motion(write(tmp_path / "a.bvh", write_bvh(rows)))
    assert clip.frames == 5
    assert any("calibration" in note for note in clip.notes)


def test_every_recorded_bvh(motions: Path, recorded, gait) -> None:
    files = sorted(motions.glob("*/*.bvh"))
    assert len(files) == 28
    for path in files:
        (clip,) = read_motion(path)
        fps, seconds, forward, left, turn = recorded[path.name]
        seen = gait(clip)
        assert clip.fps == fps, path
        assert seen.seconds == pytest.approx(seconds, abs=0.02), path
        # The table was made at another body scale: up to 11 % for the SNU figure, whose legs are 0.86 m.
        assert seen.forward == pytest.approx(forward, abs=0.03 + 0.11 * abs(forward)), path
        assert seen.left == pytest.approx(left, abs=0.04), path
        assert seen.turn == pytest.approx(turn, abs=3), path
        crouches = path.stem.startswith("131_")
        assert (0.45 if crouches else 0.75) < seen.height.min() < seen.height.max() < 1.15, path
        lowest = np.minimum(at(clip, "L_Toe")[:, 2], at(clip, "R_Toe")[:, 2])
        assert -0.03 < lowest.min() < 0.07, path
        # The pelvis frame fits the hips: left is left, and up is up.
        pelvis = Rotation.from_quat(clip.pelvis_quat, scalar_first=True)
        hips = at(clip, "L_Hip") - at(clip, "R_Hip")
        hips /= np.linalg.norm(hips, axis=1, keepdims=True)
        assert (pelvis.inv().apply(hips)[:, 1] > 0.99).all(), path
        assert pelvis.apply([0, 0, 1])[:, 2].min() > 0.7, path
        toes = (at(clip, "L_Toe") - at(clip, "L_Ankle") + at(clip, "R_Toe") - at(clip, "R_Ankle")).mean(0)
        assert pelvis.mean().inv().apply(toes)[0] > 0 or abs(turn) > 90, path


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t[: len(t) // 2], "cut short|expected|not a number|OFFSET"),
        (lambda t: t.replace("Frames: 5", "Frames: 9"), "announces 9 frames and has 5"),
        (lambda t: t.replace("Frames: 5", "Frames: 0"), "has 0 frames"),
        (lambda t: t.replace("Frames: 5", "Frames: 1"), "is a single pose"),
        (lambda t: t.rsplit(" ", 1)[0], "frame 5 of 5 has 32 values, expected 33; it is cut short"),
        (lambda t: t.replace("0.95 ", "", 1), "frame 1 of 5 has 65 values, expected 33"),
        (lambda t: t.replace("ROOT", "JOINT", 1), "before any ROOT"),
        (lambda t: t.replace("OFFSET 0.09", "OFFSET nan"), "OFFSET has 'nan"),
        (lambda t: t.replace("Frames: 5", f"Frames: {MAX_CLIP_FRAMES + 1}"), "Cut a longer file"),
        (lambda t: t[: t.index("Frame Time")], "no 'Frame Time:'"),
        (lambda t: t.replace("Frame Time: 0.0333333333", "Frame Time: 0"), "pass --fps"),
        (lambda t: t.replace("0.95", "nan", 1), r"not finite in 1 of 5 frames \(first: 0\)"),
        (lambda t: t.replace("0.95", "x", 1), "frame 1 holds something that is not a number"),
        (lambda t: t.replace("LeftFoot", "Tail"), "no joint for L_Ankle"),
        (lambda t: t.replace("Xrotation", "Wrotation", 1), "channels"),
        (lambda t: t[: t.index("MOTION")], "no MOTION part"),
        (lambda t: "}\n" + t, "never opened"),
        (lambda t: "", "is empty"),
        (lambda t: "MOTION\n" + t, "hierarchy is empty"),
    ],
)
def test_broken_text_is_refused_with_its_name(tmp_path: Path, write_bvh, damage, message: str) -> None:
    path = write(tmp_path / "a.bvh", damage(write_bvh(standing())))
    with pytest.raises(ClipFormatError, match=rf"a\.bvh: .*({message})"):
        read_motion(path)


def test_a_header_that_hides_a_long_file_costs_no_memory(tmp_path: Path, write_bvh) -> None:
    text = write_bvh(standing())
    row = text.splitlines()[-1] + "\n"
    with (tmp_path / "a.bvh").open("w") as file:
        file.write(text)
        for _ in range(40):
            file.write(row * 5000)  # 200,000 further frames than announced
    tracemalloc.start()
    (clip,) = read_motion(tmp_path / "a.bvh")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert clip.frames == 5
    assert peak < 5e6


DIALECTS = {
    "brace on the joint's line": lambda t: t.replace("\n{", " {"),
    "brace beside the name": lambda t: t.replace("\n{", "{"),
    "blank lines and tabs": lambda t: t.replace("\n", "\n\n").replace("OFFSET ", "\tOFFSET\t"),
    "Windows": lambda t: "\ufeff" + t.replace("\n", "\r\n"),
    "no blank after Frames": lambda t: t.replace("Frames: ", "Frames:").replace("Frame Time: ", "Frame Time:"),
    "capitals": lambda t: (
        t.replace("Frames:", "FRAMES:").replace("Frame Time:", "FRAME TIME:").replace("End Site", "END SITE")
    ),
    "no colons": lambda t: t.replace("Frames:", "Frames").replace("Frame Time:", "Frame Time"),
    "time before frames": lambda t: re.sub(r"(Frames: .*)\n(Frame Time: .*)\n", r"\2\n\1\n", t),
    "decimal commas": lambda t: t.replace(".", ","),
    "commas between values": lambda t: (
        t[: t.index("Frame Time")] + re.sub(r"(\d) ", r"\1, ", t[t.index("Frame Time") :])
    ),
    "frames over several lines": lambda t: t[: t.index("Frame Time")] + wrapped(t[t.index("Frame Time") :]),
    "channels over two lines": lambda t: t.replace("CHANNELS 3 ", "CHANNELS 3\n"),
    "named End Site": lambda t: t.replace("End Site", "End Site LeftToeEnd"),
    "one row more": lambda t: t.replace("Frames: 5", "Frames: 4"),
    "one row fewer": lambda t: t.replace("Frames: 5", "Frames: 6"),
}


def wrapped(motion: str) -> str:
    head, *rows = motion.strip().split("\n")
    words = [row.split() for row in rows]
    return "\n".join([head, *(" ".join(row[k : k + 10]) for row in words for k in range(0, len(row), 10))])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects(tmp_path: Path, write_bvh, dialect: str) -> None:
    text = write_bvh(standing())
    (plain,) = read_motion(write(tmp_path / "a.bvh", text))
    (tmp_path / "b.bvh").write_bytes(DIALECTS[dialect](text).encode())
    (clip,) = read_motion(tmp_path / "b.bvh")
    frames = 4 if dialect == "one row more" else 5
    assert clip.fps == pytest.approx(plain.fps)
    np.testing.assert_allclose(clip.positions, plain.positions[:frames], atol=1e-12)
    assert any("announces" in note for note in clip.notes) == ("row" in dialect)


def test_radians_are_seen_in_a_figure_that_walks(tmp_path: Path, write_bvh) -> None:
    rows = standing(20)
    rows[:, 3 + 3 * 2 + 1] = 60.0  # Xrotation of the left knee
    radians = rows.copy()
    radians[:, 3:] = np.radians(rows[:, 3:])
    (plain,), (clip,) = (read_motion(write(tmp_path / "a.bvh", write_bvh(text))) for text in (rows, radians))
    np.testing.assert_allclose(clip.positions, plain.positions, atol=1e-6)
    assert any("taken as radians" in note for note in clip.notes)
    still = radians.copy()
    still[:, 2] = 0.0  # one who stands may well have angles of a degree
    (clip,) = read_motion(write(tmp_path / "a.bvh", write_bvh(still)))
    assert not any("radians" in note for note in clip.notes)


def test_positions_of_joints_replace_their_offsets_unless_they_are_zeros(tmp_path: Path, write_bvh) -> None:
    text = write_bvh(standing(2))
    (plain,) = read_motion(write(tmp_path / "a.bvh", text))
    head, rows = text[: text.index("MOTION")], text.strip().splitlines()[-2:]
    lines, offsets = [], []
    for line in head.splitlines():
        if line.startswith("OFFSET"):
            offsets.append(line.removeprefix("OFFSET "))
        lines.append(line.replace("CHANNELS 3", "CHANNELS 6 Xposition Yposition Zposition"))
    joints = [offset for offset in offsets if offset != "0 0 0"]  # all but End Sites; the root's is 0.0 0.0 0.0
    for moved in (joints, ["0 0 0"] * len(joints)):
        numbers = [row.split() for row in rows]
        wide = [" ".join([*row[:6], *(f"{p} 0 0 0" for p in moved[1:])]) for row in numbers]
        motion = ["MOTION", "Frames: 2", "Frame Time: 0.0333333333", *wide]
        (clip,) = read_motion(write(tmp_path / "b.bvh", "\n".join([*lines, *motion])))
        np.testing.assert_allclose(clip.positions, plain.positions, atol=1e-9)
        assert any("displacements" in note for note in clip.notes) == (moved[1] == "0 0 0")
