"""OpenSim files: read back by our reader of OpenSim's own files, to the same motion."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinesis_trl.motion.readers import read_motion
from kinesis_trl.motion.readers.tables import read_table
from kinesis_trl.physiology.storage import export_opensim, write_storage


@pytest.fixture(scope="module")
def files(struggle, tmp_path_factory):
    return {p.name: p for p in export_opensim(struggle, tmp_path_factory.mktemp("opensim"))}


@pytest.mark.parametrize("name", ["coordinates.mot", "states.sto"])
def test_the_motion_is_read_back(struggle, body, files, name):
    """Root, pelvis angles and joints; the file has nine digits. Couplings are soft while the body struggles."""
    (clip,) = read_motion(files[name])
    assert clip.fps == pytest.approx(150) and len(clip.qpos) == len(struggle.time)
    joints = [7 + body.joint_names.index(n) for n in body.independent_joints]
    np.testing.assert_allclose(clip.qpos[:, :3], struggle.qpos[:, :3], atol=1e-8)
    np.testing.assert_allclose(clip.qpos[:, joints], struggle.qpos[:, joints], atol=1e-8)
    turn = Rotation.from_quat(clip.qpos[:, 3:7], scalar_first=True)
    apart = turn.inv() * Rotation.from_quat(struggle.qpos[:, 3:7], scalar_first=True)
    assert apart.magnitude().max() < 1e-7


def test_the_header_is_opensims(struggle, files):
    head = files["coordinates.mot"].read_text().splitlines()[:7]
    assert head[:6] == ["coordinates", "version=1", "nRows=100", "nColumns=21", "inDegrees=yes", "endheader"]
    assert head[6].split("\t")[:3] == ["time", "pelvis_tilt", "pelvis_list"]
    assert files["muscle_forces.sto"].read_text().splitlines()[4] == "inDegrees=no"


def test_ground_reaction_in_opensims_frame(struggle, files, shared):
    table = read_table(files["ground_reaction.mot"])
    theirs = read_table(shared / "data/physiology/opensim_moco_walk/grf_walk.mot")
    assert set(table.columns) == set(theirs.columns)
    np.testing.assert_allclose(table.column("ground_force_l_vy"), struggle.ground_force[:, 1, 2], rtol=1e-8)
    np.testing.assert_allclose(table.column("ground_force_r_vz"), -struggle.ground_force[:, 0, 1], rtol=1e-8)
    in_air = np.isnan(struggle.centre_of_pressure[:, 0, 0])
    assert in_air.any() and (table.column("ground_force_r_px")[in_air] == 0).all()


def test_muscles_by_name(struggle, files):
    for name, values in (("muscle_forces.sto", struggle.muscle_force), ("excitations.sto", struggle.excitation)):
        column = read_table(files[name]).column("soleus_l")
        np.testing.assert_allclose(column, values[:, struggle.muscle("soleus_l")], rtol=1e-8)
    states = read_table(files["states.sto"])
    np.testing.assert_allclose(
        states.column("/forceset/tibant_r/activation"),
        struggle.activation[:, struggle.muscle("tibant_r")],
        rtol=1e-8,
        atol=1e-12,
    )
    speed = states.column("/jointset/walker_knee_r/knee_angle_r/speed")
    np.testing.assert_allclose(speed, struggle.qvel[:, 6 + struggle.coordinate_names.index("knee_angle_r")], rtol=1e-8)


def test_what_opensim_could_not_read_is_refused(tmp_path):
    time = np.arange(3.0)
    for columns, values, said in (
        (["a"], np.zeros((2, 1)), "expected \\(3, 1\\)"),
        (["a"], np.full((3, 1), np.nan), "not finite"),
        (["a b"], np.zeros((3, 1)), "'a b' is no column name"),
    ):
        with pytest.raises(ValueError, match=said):
            write_storage(tmp_path / "x.sto", time, columns, values, in_degrees=False)
    assert not list(tmp_path.iterdir())
