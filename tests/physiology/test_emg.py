"""Correlation with EMG: the published figures come out, and what is no comparison is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.physiology.emg import compare, delay_sweep, human_agreement
from kinesis_trl.physiology.emg_data import EmgData, EmgError, load_wang2023
from kinesis_trl.physiology.emg_muscles import PUBLISHED, RECORDED, recorded_name
from kinesis_trl.physiology.recorded_controls import load_original_controls

NAMES = ("soleus_l", "tibant_l", "vaslat_l")
PERCENT = np.linspace(0, 100, 101)


def bump(at: float) -> np.ndarray:
    return np.exp(-(((PERCENT - at + 50) % 100 - 50) ** 2) / 200)


def people(*peaks: tuple[float, float, float]) -> EmgData:
    """One subject for each triple of peaks of the three muscles."""
    mean = np.stack([np.stack([0.1 + 3 * bump(at) for at in person], axis=1) for person in peaks])
    return EmgData(
        source="made up",
        population="nobody",
        muscles=("soleus", "tibialis anterior", "vastus lateralis"),
        subjects=tuple("abcd"[: len(peaks)]),
        speeds=np.array([1.2]),
        percent=PERCENT,
        mean=mean[None],
    )


def cycles(*peaks: float, count: int = 3) -> np.ndarray:
    return np.stack([np.stack([0.5 * bump(at + k) for at in peaks], axis=1) for k in range(count)])


def by_subject(found) -> np.ndarray:
    """(S, R) r."""
    return np.stack([row["by_subject"] for row in found["muscles"].values()], axis=1)


def test_published_figures(shared: Path) -> None:
    folder = shared / "data" / "physiology" / "kinesis_emg"
    data, run = load_wang2023(folder), load_original_controls(folder)
    people_ = human_agreement(data, speed=1.25)
    assert people_["mean"] == pytest.approx(0.731, abs=0.002)
    assert people_["median"] == pytest.approx(0.735, abs=0.002)
    assert people_["ceiling"] > people_["median"]
    profiles = np.stack(
        [
            np.stack([np.interp(np.linspace(0, 1, 101), np.linspace(0, 1, b - a), u) for u in run.excitation[a:b].T], 1)
            for a, b in run.published_cycles
        ]
    )
    found = compare(profiles, run.muscle_names, "l", data, speed=1.25, mapping=PUBLISHED)
    assert found["mean"]["value"] == pytest.approx(0.362, abs=0.005)
    assert found["median"]["value"] == pytest.approx(0.373, abs=0.005)
    assert found["median"]["low"] < found["median"]["value"] < found["median"]["high"]
    r = {name: row["value"] for name, row in found["muscles"].items()}
    assert r["tibialis anterior"] == pytest.approx(0.17, abs=0.01)
    assert r["semimembranosus"] == pytest.approx(0.12, abs=0.01)
    assert 0.72 < r["soleus"] < r["gastrocnemius medialis"] < r["gastrocnemius lateralis"] < 0.9
    # With the long head, over which the electrode lies, the biceps does not agree at all.
    proper = compare(profiles, run.muscle_names, "l", data, speed=1.25)
    r = {name: row["value"] for name, row in proper["muscles"].items()}
    assert r["biceps femoris"] < -0.2
    assert proper["mean"]["value"] == pytest.approx(0.288, abs=0.005)


def test_same_shape_correlates_fully() -> None:
    data = people((45, 0, 5), (50, 5, 5))
    found = compare(cycles(45, 0, 5, count=1), NAMES, "l", data, speed=1.2)
    np.testing.assert_allclose(by_subject(found)[0], 1, atol=1e-12)
    expected = [np.corrcoef(bump(a), bump(b))[0, 1] for a, b in ((45, 50), (0, 5), (5, 5))]
    np.testing.assert_allclose(by_subject(found)[1], expected, atol=1e-12)
    assert np.isnan(found["median"]["low"]) and any("one gait cycle only" in note for note in found["notes"])


def test_decisive_muscles_only() -> None:
    found = compare(cycles(45, 0, 55), NAMES, "l", people((45, 0, 5), (45, 0, 5)), speed=1.2)
    assert [row["decisive"] for row in found["muscles"].values()] == [True, True, False]
    assert found["median_decisive"]["value"] > 0.95
    assert found["median"]["value"] < 0.6


def test_percent_of_the_recording_is_respected() -> None:
    data = people((45, 0, 5))
    coarse = EmgData(**{**vars(data), "percent": PERCENT[::5], "mean": data.mean[:, :, ::5]})
    found = compare(cycles(45, 0, 5, count=1)[:, ::2], NAMES, "l", coarse, speed=1.2)
    assert (by_subject(found) > 0.99).all()


def test_a_silent_muscle_is_no_agreement() -> None:
    profiles = cycles(45, 0, 5)
    profiles[:, :, 1] = 0.3
    found = compare(profiles, NAMES, "l", people((45, 0, 5), (45, 0, 5)), speed=1.2)
    assert np.isnan(by_subject(found)[:, 1]).all()
    assert found["mean"]["value"] == pytest.approx(2 / 3, abs=0.01)
    assert any("tibialis anterior: the activation does not vary" in note for note in found["notes"])


def test_what_is_left_out_is_said() -> None:
    found = compare(cycles(45, 0), NAMES[:2], "l", people((45, 0, 5), (45, 0, 5)), speed=2.0)
    assert list(found["muscles"]) == ["soleus", "tibialis anterior"]
    assert any("vastus lateralis left out: the body has no vaslat_l" in note for note in found["notes"])
    assert any("walks at 2.00 m/s, the nearest recording is at 1.20 m/s" in note for note in found["notes"])


def test_bootstrap_repeats_and_widens_with_variation() -> None:
    data = people((45, 0, 5), (45, 0, 5))
    rng = np.random.default_rng(0)
    steady = cycles(45, 0, 5, count=1) + 0.01 * rng.random((8, 101, 3))
    loose = steady + np.linspace(-1, 1, 8)[:, None, None] * cycles(75, 30, 35, count=1)
    a, b = (compare(loose, NAMES, "l", data, speed=1.2, draws=200) for _ in range(2))
    assert a["median"] == b["median"]
    assert a["median"]["low"] < a["median"]["value"] < a["median"]["high"]
    calm = compare(steady, NAMES, "l", data, speed=1.2, draws=200)
    assert a["median"]["high"] - a["median"]["low"] > 3 * (calm["median"]["high"] - calm["median"]["low"])


def test_delay_sweep_finds_a_known_delay() -> None:
    data = people((45, 0, 5))
    late = cycles(50, 5, 10, count=1)  # 5 % of 1.2 s is 60 ms
    total = delay_sweep(late, NAMES, "l", data, speed=1.2, cycle_seconds=1.2, delays=(0.0, 0.03, 0.06, 0.1))
    assert total.argmax() == 2 and total[2] > 0.999
    none = compare(late, NAMES, "l", data, speed=1.2)
    assert total[0] == pytest.approx(none["median"]["value"])


def test_human_agreement_by_hand() -> None:
    data = people((45, 0, 5), (45, 0, 5), (95, 50, 55))
    found = human_agreement(data, speed=1.2)
    opposite = np.corrcoef(bump(45), bump(95))[0, 1]
    assert found["pairs"] == 3 and found["per_muscle"][0] == pytest.approx(opposite, abs=1e-3)  # of 1 and twice that
    mixed = np.corrcoef(bump(45), bump(45) + bump(95))[0, 1]
    assert found["ceiling_per_muscle"][0] == pytest.approx(mixed, abs=1e-3)  # of twice that and the opposite
    assert found["mean"] == pytest.approx((1 + 2 * opposite) / 3, abs=0.01)
    with pytest.raises(EmgError, match="two are needed"):
        human_agreement(people((45, 0, 5)), speed=1.2)


def test_bad_profiles() -> None:
    data = people((45, 0, 5), (45, 0, 5))
    with pytest.raises(EmgError, match="no gait cycle"):
        compare(np.zeros((0, 101, 3)), NAMES, "l", data, speed=1.2)
    with pytest.raises(EmgError, match="3 muscles"):
        compare(np.zeros((2, 101, 4)), NAMES, "l", data, speed=1.2)
    with pytest.raises(EmgError, match="not finite"):
        compare(np.full((2, 101, 3), np.nan), NAMES, "l", data, speed=1.2)
    with pytest.raises(EmgError, match="none of the recorded muscles on side 'r'"):
        compare(cycles(45, 0, 5), NAMES, "r", data, speed=1.2)


def test_every_mapped_muscle_is_in_the_body(body) -> None:
    for mapping in (RECORDED, PUBLISHED):
        for muscle in mapping.values():
            assert all(f"{part}_{side}" in body.muscle_names for part in muscle.model for side in "lr")
    assert recorded_name(" Biceps  FEMORIS ") == "biceps femoris"


def test_the_remains_of_a_decay_are_no_rhythm() -> None:
    profiles = cycles(45, 0, 5)
    profiles[:, :, 1] *= 1e-6  # a muscle that was cut
    found = compare(profiles, NAMES, "l", people((45, 0, 5), (45, 0, 5)), speed=1.2)
    assert np.isnan(by_subject(found)[:, 1]).all() and found["muscles"]["tibialis anterior"]["value"] == 0
