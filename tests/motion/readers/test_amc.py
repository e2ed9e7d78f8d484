"""ASF/AMC: geometry by hand, the recorded walk, the search for a skeleton, and broken text."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers import read_motion

LEG = ("hipjoint", "femur", "tibia", "foot", "toes")


def skeleton(axis: str = "0 0 0 XYZ") -> str:
    """A person of 0.8 m legs in CMU's unit; `axis` is that of the shins."""
    bones = []
    for side, sign in (("l", 1), ("r", -1)):
        shapes = ((sign, 0, 0, 0.1), (0, -1, 0, 0.4), (0, -1, 0, 0.4), (0, 0, 1, 0.12), (0, 0, 1, 0.05))
        for bone, (x, y, z, length) in zip(LEG, shapes, strict=True):
            lines = ["begin", f"name {side}{bone}", f"direction {x} {y} {z}", f"length {length * 0.45 / 0.0254}"]
            lines.append(f"axis {axis if bone == 'tibia' else '0 0 0 XYZ'}")
            lines += ["dof rx"] * (bone == "tibia") + ["dof rx ry rz"] * (bone == "femur")
            bones.append("\n".join([*lines, "end"]))
    bones.append("begin\nname lowerback\ndirection 0 1 0\nlength 2\naxis 0 0 0 XYZ\nend")
    links = ["root lhipjoint rhipjoint lowerback"]
    links += [f"{s}{a} {s}{b}" for s in "lr" for a, b in itertools.pairwise(LEG)]
    root = [":root", "order TX TY TZ RX RY RZ", "axis XYZ"]
    tree = [":hierarchy", "begin", *links, "end"]
    return "\n".join([":units", "length 0.45", "angle deg", *root, ":bonedata", *bones, *tree])


def motion(frames: int = 3, knee: float = 0.0, hip: str = "0 0 0", root: str = "0 16 {z} 0 0 0") -> str:
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for t in range(frames):
        lines += [str(t + 1), "root " + root.format(z=t), f"lfemur {hip}", "rfemur 0 0 0", f"ltibia {knee}", "rtibia 0"]
    return "\n".join(lines) + "\n"


def write(folder: Path, asf: str, amc: str) -> Path:
    (folder / "01.asf").write_text(asf)
    (folder / "01_02.amc").write_text(amc)
    return folder / "01_02.amc"


def at(clip, name: str) -> np.ndarray:
    return clip.positions[:, clip.joint_names.index(name)]


def test_geometry_by_hand(tmp_path: Path) -> None:
    (clip,) = read_motion(write(tmp_path, skeleton(), motion(knee=90)))
    unit = 0.0254 / 0.45
    assert clip.fps == 120
    np.testing.assert_allclose(at(clip, "Pelvis")[1], [unit, 0, 16 * unit])
    drop = at(clip, "Pelvis")[0]
    np.testing.assert_allclose(at(clip, "L_Knee")[0] - drop, [0, 0.1, -0.4], atol=1e-12)
    np.testing.assert_allclose(at(clip, "L_Ankle")[0] - drop, [-0.4, 0.1, -0.4], atol=1e-12)  # bent backwards
    np.testing.assert_allclose(at(clip, "L_Toe")[0] - drop, [-0.4, 0.1, -0.52], atol=1e-12)
    np.testing.assert_allclose(at(clip, "R_Toe")[0] - drop, [0.12, -0.1, -0.8], atol=1e-12)


def test_bones_turn_about_their_own_axes(tmp_path: Path) -> None:
    # With its axes turned by 90° about z, the shin's x axis is the body's y axis: a hanging shin does not move.
    (clip,) = read_motion(write(tmp_path, skeleton(axis="0 0 90 XYZ"), motion(knee=90)))
    np.testing.assert_allclose(at(clip, "L_Ankle")[0] - at(clip, "L_Knee")[0], [0, 0, -0.4], atol=1e-12)
    # … but the foot on it turns about the vertical, from forward to the left.
    np.testing.assert_allclose(at(clip, "L_Toe")[0] - at(clip, "L_Ankle")[0], [0, 0.12, 0], atol=1e-12)


def test_angles_are_applied_x_first(tmp_path: Path) -> None:
    # 90° about x takes the thigh back, then 90° about z (forward in y-up axes is z) has nothing left to turn.
    (clip,) = read_motion(write(tmp_path, skeleton(), motion(hip="90 0 90")))
    np.testing.assert_allclose(at(clip, "L_Knee")[0] - at(clip, "L_Hip")[0], [-0.4, 0, 0], atol=1e-12)


def test_recorded_walk(motions: Path, recorded, gait) -> None:
    (clip,) = read_motion(motions / "cmu_asf_amc" / "02_01.amc")
    fps, seconds, forward, left, turn = recorded["02_01.amc"]
    seen = gait(clip)
    assert (clip.fps, seen.seconds) == (fps, pytest.approx(seconds, abs=0.01))
    assert (seen.forward, seen.left) == pytest.approx((forward, left), abs=0.05)
    assert seen.turn == pytest.approx(turn, abs=2)
    assert 0.85 < seen.height.min() < seen.height.max() < 1.05
    assert any("perhaps another person's" in note for note in clip.notes)


def test_the_skeleton_is_found_beside_the_motion(tmp_path: Path) -> None:
    path = write(tmp_path, skeleton(), motion())
    shutil.copy(tmp_path / "01.asf", tmp_path / "02.asf")
    assert "skeleton 01.asf" in read_motion(path)[0].notes
    (tmp_path / "01.asf").unlink()
    shutil.copy(tmp_path / "02.asf", tmp_path / "03.asf")
    with pytest.raises(ClipFormatError, match=r"01_02\.amc: needs its skeleton: put 01\.asf beside it"):
        read_motion(path)


@pytest.mark.parametrize(
    ("asf", "amc", "message"),
    [
        (skeleton(), "", "is empty"),
        (skeleton(), ":DEGREES\n", "has no frames"),
        (skeleton(), motion().replace("rtibia 0", "", 1), "frame 1 lacks rtibia"),
        (skeleton(), motion()[:-12], "frame 3 lacks|values, not"),
        (skeleton(), motion().replace("rtibia 0", "rtibia x"), "expected numbers"),
        (skeleton(), motion().replace("rtibia 0", "rtibia nan"), "expected numbers"),
        (skeleton(), motion().replace("rtibia 0", "tail 0"), "'tail' where a frame number"),
        (skeleton(), motion().replace("rtibia 0", "rtibia 0 1"), "rtibia has 2 values, not 1"),
        (skeleton(), motion(frames=1), "is a single pose"),
        (skeleton(), motion().replace(":DEGREES", ":RADIANS"), "radians"),
        (":units\n", motion(), "01.asf has 1 bones and 0 links"),
        (skeleton().replace("rtoes rtoes", "").replace("lfemur ltibia", "lfemur root"), motion(), "comes twice"),
        (skeleton().replace("length 0.45", "length 0"), motion(), "a.*"),
    ],
)
def test_broken_text_is_refused_with_its_name(tmp_path: Path, asf: str, amc: str, message: str) -> None:
    with pytest.raises(ClipFormatError, match=rf"01_02\.amc: .*({message})"):
        read_motion(write(tmp_path, asf, amc))
