"""The public set of Falisse et al. 2019: units and signs by hand, beside published curves; files that are not it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from kinesis_trl.physiology.analysis import analyse
from kinesis_trl.physiology.emg_data import EmgError
from kinesis_trl.physiology.falisse import FILE, load_falisse2019
from kinesis_trl.physiology.joint_angles import PELVIC_TILT
from kinesis_trl.physiology.normative import compare_curve, reference_curves
from kinesis_trl.physiology.page import page
from kinesis_trl.physiology.people import People, load_people
from kinesis_trl.physiology.strides import Run


@pytest.fixture(scope="module")
def people(shared):
    return load_falisse2019(shared / "data" / "physiology" / "emg_falisse2019")


def test_units_and_signs(people):
    emg, curves = people
    by_name = {(c.quantity, c.joint): c for c in curves}
    knee, hip = by_name["angle", "knee"], by_name["angle", "hip"]
    assert knee.mean[0] == pytest.approx(12.25, abs=0.01) and 60 < knee.mean.max() < 67  # flexion positive
    assert hip.mean[0] == pytest.approx(27.34 + 12, abs=0.01)
    assert by_name["moment", "ankle"].mean.max() == pytest.approx(88.5 / 62, rel=0.02)  # plantarflexion positive
    assert by_name["moment", "hip"].mean[0] == pytest.approx(34.67 / 62, abs=0.01)
    assert len(curves) == 10 and all(c.sd_published and (c.sd > 0).all() for c in curves)
    assert "1 person, 11 strides, 1.32 m/s" in knee.population
    assert emg.speeds[0] == pytest.approx(1.32, abs=0.01) and emg.mean.shape == (1, 1, 100, 14)
    assert {"medial hamstrings", "biceps femoris", "gluteus medius", "peroneus brevis"} <= set(emg.muscles)


def test_a_healthy_adult_lies_within_the_published_bands(people):
    """A sign or unit gone wrong would put a curve far from the band of other laboratories."""
    least = {"angle": 95, "moment": 65, "power": 85}
    for curve in people[1]:
        if curve.joint == "pelvis tilt":
            continue
        references = reference_curves(curve.quantity, curve.joint)
        right, wrong = (compare_curve(sign * curve.mean, references) for sign in (1, -1))
        assert right.coverage > least[curve.quantity] and right.rms_z < 0.5 * wrong.rms_z, curve
        if (curve.quantity, curve.joint) == ("angle", "hip"):
            assert right.rms_z < 0.5 * compare_curve(curve.mean - PELVIC_TILT, references).rms_z


def test_they_stand_beside_and_verdicts_stay(body, walk, people):
    emg, curves = people
    run = [Run(title="walk", recordings=(walk,))]
    alone = analyse(run, body, emg="none")
    both = analyse(run, body, emg="none", people=[People(emg=emg, curves=curves)])
    other = both["sections"]["muscles"]["others"][0]
    assert other["n"] == 1 and set(other["columns"]["walk"]) == {"r", "l"}
    beside = both["sections"]["joints"]["runs"]["walk"]["curves"]["angle"]["knee"].pop("others")
    assert beside[curves[0].population]["rms"] > 0
    states = [[s["state"] for s in report["sections"].values()] for report in (alone, both)]
    assert states[0] == states[1]
    assert "Falisse 2019 (1 person" in page(
        analyse(run, body, emg=emg, people=[People(curves=curves)]), heading="", facts=[]
    )


def test_the_first_that_can_be_read_is_judged(shared, tmp_path):
    said: list[str] = []
    folder = shared / "data" / "physiology"
    judged, beside = load_people([tmp_path, folder / "emg_falisse2019", folder / "kinesis_emg"], said)
    assert judged.source.startswith("Falisse") and len(said) == 1
    assert [p.emg is None for p in beside] == [True, False] and len(beside[0].curves) == 10
    assert beside[1].emg.source.startswith("Wang") and not beside[1].curves
    assert "sparse-checkout" in load_people([], said)[0] and "no human_emg" in load_people([tmp_path], said)[0]


def test_other_files_are_refused(tmp_path):
    with pytest.raises(EmgError, match=FILE):
        load_falisse2019(tmp_path)
    (tmp_path / FILE).write_bytes(b"MATLAB 5.0 no more than this")
    with pytest.raises(EmgError, match="not the set of Falisse"):
        load_falisse2019(tmp_path)
    savemat(tmp_path / FILE, {"ExperimentalData": np.eye(3)})
    with pytest.raises(EmgError, match="not the set of Falisse"):
        load_falisse2019(tmp_path)
