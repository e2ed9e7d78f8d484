"""OpenSim joint angles: names, degrees, signs, the pelvis by hand, and recorded walking."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.body.model import load_body
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.readers import read_motion

JOINTS = ["hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle", "mtp_angle"]
PELVIS = ["pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz"]
COLUMNS = ["time", *PELVIS, *(f"{joint}_{side}" for side in "rl" for joint in JOINTS)]


def table(frames: int = 5, **values: float) -> np.ndarray:
    rows = np.zeros((frames, len(COLUMNS)))
    rows[:, 0] = 0.01 * np.arange(frames)
    rows[:, COLUMNS.index("pelvis_ty")] = 0.95
    for name, value in values.items():
        rows[:, COLUMNS.index(name)] = value
    return rows


def mot(rows: np.ndarray, columns: list[str] = COLUMNS, *, degrees: str = "yes", announced: int | None = None) -> str:
    head = ["Coordinates", "version=1", f"nRows={announced or len(rows)}", f"inDegrees={degrees}", "endheader"]
    return "\n".join([*head, "\t".join(columns), *("\t".join(f"{v:.8f}" for v in row) for row in rows)]) + "\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def column(clip, name: str) -> np.ndarray:
    return clip.qpos[:, 7 + load_body().joint_names.index(name)]


def test_angles_by_name_and_header(tmp_path: Path) -> None:
    (clip,) = read_motion(write(tmp_path / "a.mot", mot(table(hip_flexion_r=30, knee_angle_l=60, mtp_angle_r=10))))
    assert clip.fps == 100.0
    np.testing.assert_allclose(column(clip, "hip_flexion_r"), np.pi / 6)
    np.testing.assert_allclose(column(clip, "knee_angle_l"), np.pi / 3)
    np.testing.assert_allclose(column(clip, "knee_angle_r"), 0)
    np.testing.assert_allclose(clip.qpos, load_body().couplings.apply(clip.qpos), atol=1e-12)
    assert np.abs(column(clip, "knee_angle_translation1_l") - column(clip, "knee_angle_translation1_r")).min() > 1e-4
    radians = mot(table(hip_flexion_r=0.5, knee_angle_l=1), degrees="no")
    np.testing.assert_allclose(column(read_motion(write(tmp_path / "b.mot", radians))[0], "hip_flexion_r"), 0.5)


def test_paths_of_newer_files_and_older_knees(tmp_path: Path) -> None:
    columns = [f"/jointset/x/{c}/value" if c != "time" else c for c in COLUMNS]
    rows = table(knee_angle_r=-40, knee_angle_l=-20)
    (clip,) = read_motion(write(tmp_path / "a.sto", mot(rows, columns)))
    np.testing.assert_allclose(column(clip, "knee_angle_r"), np.radians(40))
    assert any("sign turned" in note for note in clip.notes)


def test_the_pelvis_by_hand(tmp_path: Path) -> None:
    turned = table(pelvis_rotation=90, pelvis_tx=2.0, pelvis_tz=0.5)  # about the vertical: to the left
    (clip,) = read_motion(write(tmp_path / "a.mot", mot(turned)))
    np.testing.assert_allclose(clip.qpos[0, :3], [2.0, -0.5, 0.95], atol=1e-12)
    facing = Rotation.from_quat(clip.qpos[0, 3:7], scalar_first=True)
    np.testing.assert_allclose(facing.apply([1, 0, 0]), [0, 1, 0], atol=1e-9)
    (clip,) = read_motion(write(tmp_path / "a.mot", mot(table(pelvis_tilt=-10, pelvis_list=5))))
    facing = Rotation.from_quat(clip.qpos[0, 3:7], scalar_first=True)
    assert facing.apply([0, 0, 1])[0] > 0.1  # negative tilt leans forward
    assert facing.apply([0, 1, 0])[2] > 0.05  # positive list lowers the right side


def test_recorded_walking_stands_on_the_ground(shared: Path, gait) -> None:
    folder = shared / "data" / "physiology" / "opensim_moco_walk"
    body = load_body()
    for name, fps in (("subject_walk_armless_coordinates.mot", 100), ("coordinates.sto", 1000)):
        (clip,) = read_motion(folder / name)
        seen = gait(clip)
        assert clip.fps == fps
        assert 1.1 < seen.forward < 1.4 and abs(seen.left) < 0.1 and abs(seen.turn) < 5
        assert 0.9 < seen.height.min() < seen.height.max() < 1.05
        lowest = body.lowest_foot_point(clip.qpos[:: max(1, fps // 100)])
        assert lowest.min() > -0.01 and lowest.max() < 0.08  # the subject is a little taller than the body
        # The leg in front in stance moves backwards relative to the pelvis: legs are not swapped or mirrored.
        data = mujoco.MjData(body.model)
        data.qpos[:] = clip.qpos[0]
        mujoco.mj_kinematics(body.model, data)
        feet = [data.body(f"calcn_{side}").xpos for side in "rl"]
        assert feet[1][1] > feet[0][1]


def test_a_gait_cycle_without_pelvis_or_time(shared: Path) -> None:
    path = shared / "data" / "physiology" / "myosuite_gait_cycle" / "sample_gait_cycle.csv"
    with pytest.raises(ClipFormatError, match="no 'time' column; pass --fps"):
        read_motion(path)
    (clip,) = read_motion(path, fps=100)
    assert clip.frames == 247
    assert np.degrees(column(clip, "knee_angle_r").max()) == pytest.approx(60, abs=3)
    np.testing.assert_allclose(clip.qpos[:, 2], load_body().standing_qpos[2])
    assert {"angles up to 1.08: taken as radians", "no pelvis angles: the body stays upright and faces +x"} <= set(
        clip.notes
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (mot(table())[:-30], "ragged, cut short"),
        (mot(table()).replace("endheader\n", ""), "no 'endheader'"),
        (mot(table()).replace("knee_angle_r", "elbow_r"), "expected OpenSim joint angles .* or MyoLegs coordinates"),
        (mot(table(1)), "is a single pose"),
        (mot(table(hip_flexion_r=np.nan)), "joint angles is not finite"),
        (mot(table()).replace("0.01000000", "0.03000000"), "equal steps"),
        (mot(table(time=0.0)), "equal steps"),
        ("", "is empty"),
    ],
)
def test_broken_tables_are_refused_with_their_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ClipFormatError, match=rf"a\.mot: .*({message})"):
        read_motion(write(tmp_path / "a.mot", text))


def test_force_and_muscle_files_are_refused_for_what_they_are(shared: Path) -> None:
    folder = shared / "data" / "physiology" / "opensim_moco_walk"
    for name in ("grf_walk.mot", "electromyography.sto"):
        with pytest.raises(ClipFormatError, match=rf"{name}: holds columns time, .*expected .*OpenSim joint angles"):
            read_motion(folder / name)


def test_a_wrong_number_of_rows_in_the_header_is_said(tmp_path: Path, shared: Path) -> None:
    for announced in (4, 6, 9):
        (clip,) = read_motion(write(tmp_path / "a.mot", mot(table(), announced=announced)))
        assert clip.frames == 5 and f"the header announces {announced} rows; there are 5" in clip.notes
    folder = shared / "data" / "physiology" / "opensim_moco_walk"
    (clip,) = read_motion(folder / "loadedwalking_subject05_noload_free_trial03_ik_solution.mot")
    assert clip.frames == 131


def test_a_planar_table_has_zeros_for_what_it_lacks(tmp_path: Path) -> None:
    keep = [
        k for k, name in enumerate(COLUMNS) if name.startswith(("time", "pelvis_tx", "hip_flexion", "knee", "ankle"))
    ]
    rows = table(hip_flexion_r=30)
    rows[:, COLUMNS.index("pelvis_tx")] = 0.1 * np.arange(5)
    (clip,) = read_motion(write(tmp_path / "a.mot", mot(rows[:, keep], [COLUMNS[k] for k in keep])))
    np.testing.assert_allclose(clip.qpos[:, 0], 0.1 * np.arange(5))
    np.testing.assert_allclose(clip.qpos[:, 2], load_body().standing_qpos[2])
    assert "not in the file, taken as 0: pelvis_ty, pelvis_tz" in clip.notes and clip.doubts == ()
    keep = [k for k in keep if not COLUMNS[k].startswith("ankle")]
    (clip,) = read_motion(write(tmp_path / "a.mot", mot(rows[:, keep], [COLUMNS[k] for k in keep])))
    assert "ankles stay neutral" in clip.doubts[0]


def test_a_header_that_names_the_wrong_angles_is_overruled(tmp_path: Path) -> None:
    rows = table(20)
    rows[:, COLUMNS.index("pelvis_tx")] = 0.1 * np.arange(20)
    rows[:, COLUMNS.index("knee_angle_r")] = np.linspace(0, 1, 20)
    for stated, scale in (("yes", 1.0), ("no", np.degrees(1.0))):
        given = rows.copy()
        given[:, COLUMNS.index("knee_angle_r")] *= scale
        (clip,) = read_motion(write(tmp_path / "a.mot", mot(given, degrees=stated)))
        np.testing.assert_allclose(column(clip, "knee_angle_r"), np.linspace(0, 1, 20), atol=1e-7)
        assert any("by the header, but" in note for note in clip.notes)
    rows[:, COLUMNS.index("pelvis_tx")] = 0.0  # one who stands may bend a knee by a degree
    (clip,) = read_motion(write(tmp_path / "a.mot", mot(rows)))
    assert column(clip, "knee_angle_r").max() == pytest.approx(np.radians(1.0))
