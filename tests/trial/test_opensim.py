"""OpenSim's own reader opens what a study writes, and its inverse dynamics agrees with ours.

Its model is a published one of another making: a pelvis with trunk and two legs of thigh, shank and foot with the
masses, centres and radii of gyration of Winter 2009 (Biomechanics and Motor Control of Human Movement, table 4.1),
joints where the person's are.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.body.scaling import segment_lengths
from kinesis_trl.motion.readers.tables import read_table
from kinesis_trl.trial.export import export_study

SCRIPT = Path(__file__).parent / "opensim_model.py"


@pytest.fixture(scope="module")
def written(found, tmp_path_factory):
    pytest.importorskip("opensim")
    folder = tmp_path_factory.mktemp("opensim")
    export_study(found, folder)
    return folder


def run(folder, *arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # it leaves a log there
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_every_table_opens_in_opensim(written):
    files = sorted([*written.glob("*/*.mot"), *written.glob("*/*.sto")])
    assert len(files) == 13  # six a column and the EMG's envelopes
    for path, (rows, columns) in zip(files, run(written, "tables", *files), strict=True):
        own = read_table(path)
        assert (rows, columns) == (len(own.values), len(own.columns) - 1), path


def test_inverse_dynamics_agrees_where_the_models_agree(found, written):
    body = found.loads.body
    size = {**segment_lengths(body.whole), "mass": body.mass, "hip": body.model.body("femur_r").pos.tolist()}
    folder = written / "measured"
    run(folder, "dynamics", folder / "coordinates.mot", folder / "ground_reaction.mot", folder, json.dumps(size))
    theirs, ours = read_table(folder / "inverse_dynamics.sto"), read_table(folder / "joint_moments.sto")
    known = found.loads.known[: len(theirs.values)].copy()
    known[:3] = known[-3:] = False
    for joint in ("hip_flexion", "knee_angle", "ankle_angle"):
        for side in "rl":
            name = f"{joint}_{side}_moment"
            own, other = ours.column(name)[: len(known)][known], theirs.column(name)[known]
            assert np.sqrt(np.square(own - other).mean()) <= 0.15 * np.ptp(own), name
            assert np.corrcoef(own, other)[0, 1] > 0.95, name
