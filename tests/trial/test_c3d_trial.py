"""One whole trial as C3D files, over the ground and on a treadmill, against the same trial as separate files."""

from __future__ import annotations

import re

import numpy as np
import pytest

from kinesis_trl.trial.analysis import MEASURED, analyse_trial
from kinesis_trl.trial.emg import agreement
from kinesis_trl.trial.files import TrialFiles
from kinesis_trl.trial.study import StudyConfig, study

pytestmark = pytest.mark.slow

BELT = 1.25
PIECE = slice(30, 170)
SHOWN = ("hip_flexion", "knee_angle", "ankle_angle")


@pytest.fixture(scope="module")
def studies(make_c3d):
    """Over the ground and on a treadmill."""
    paths = [make_c3d(frames=PIECE, belt=belt) for belt in (0.0, BELT)]
    return [study(TrialFiles(motion=path), StudyConfig(controller=False)) for path in paths]


def test_markers_plates_and_emg_of_one_file_give_what_separate_files_give(studies, found):
    ground, _ = studies
    assert ground.trial.problems == [] and ground.motion.problems == () and ground.loads.problems == ()
    assert ground.motion.residuals()["all"] < 0.015
    assert [c.side for c in ground.loads.floor.contacts][:2] == [0, 1]
    assert ground.loads.body.mass == pytest.approx(found.loads.body.mass, rel=0.03)
    for joint in SHOWN:
        k = 7 + found.loads.body.joint_names.index(f"{joint}_r")
        apart = np.degrees(ground.motion.qpos[:, k] - found.motion.qpos[PIECE, k])
        assert np.sqrt(np.mean(apart**2)) < 2.0, joint
    known = ground.loads.known
    own = agreement(
        ground.emg, ground.motion.time[known], ground.loads.solution.activation[known], ground.loads.body.muscle_names
    )
    assert len(own["muscles"]) == 10 and own["median"] > 0.35


def test_a_treadmill_is_found_and_taken_off(studies):
    ground, treadmill = studies
    said = re.search(r"a belt of ([\d.]+) m/s", " ".join(treadmill.motion.notes))
    assert said is not None and float(said[1]) == pytest.approx(BELT, abs=0.03)
    way = ground.motion.qpos[-1, 0] - ground.motion.qpos[0, 0]
    assert treadmill.motion.qpos[-1, 0] - treadmill.motion.qpos[0, 0] == pytest.approx(way, abs=0.05)
    assert np.degrees(np.abs(treadmill.motion.qpos[:, 7:] - ground.motion.qpos[:, 7:]).max()) < 0.5
    assert [c.side for c in treadmill.loads.floor.contacts] == [c.side for c in ground.loads.floor.contacts]
    both = [study.loads.solution for study in (treadmill, ground)]
    for joint in SHOWN:
        k = ground.loads.body.independent_joints.index(f"{joint}_r")
        moments = [solution.joint_moment[:, k] for solution in both]
        assert np.sqrt(np.mean(np.subtract(*moments) ** 2)) < 0.05 * np.ptp(moments[1]), joint


def test_its_report_has_every_part(studies):
    figures = analyse_trial(studies[1], "no other people were given.")
    assert figures["reading"]["problems"] == []
    assert np.isfinite(figures["own_emg"]["columns"]["static optimisation"]["median"])
    assert figures["columns"][MEASURED]["speed"] is None or figures["columns"][MEASURED]["speed"] == pytest.approx(
        BELT, abs=0.15
    )
