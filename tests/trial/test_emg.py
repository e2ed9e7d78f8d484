"""Envelopes of a trial's EMG, which muscle a channel is, and agreement with activation."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.motion.markers.recorded import Emg, TrialError
from kinesis_trl.physiology.emg_muscles import UnknownMuscleError
from kinesis_trl.trial.emg import EmgConfig, agreement, envelopes, muscle_of

TIME = np.arange(4000) / 2000.0
BURSTS = 0.5 * (1 - np.cos(2 * np.pi * TIME))  # once a second


def raw(shape=BURSTS, seed=0):
    return np.random.default_rng(seed).normal(size=len(TIME)) * shape * 1e-4


@pytest.mark.parametrize(
    ("channel", "muscle", "side"),
    [
        ("soleus", "soleus", ""),
        ("R_TibAnt", "tibialis anterior", "r"),
        ("LGastroc", "gastrocnemius", "l"),
        ("EMG.L_VL", "vastus lateralis", "l"),
        ("Left Rectus Femoris", "rectus femoris", "l"),
        ("rectus femoris r", "rectus femoris", "r"),
        ("medial_hamstrings", "medial hamstrings", ""),
    ],
)
def test_a_channel_s_name_is_read(channel, muscle, side):
    assert muscle_of(channel) == (muscle, side)


def test_an_unknown_channel_is_no_muscle():
    with pytest.raises(UnknownMuscleError):
        muscle_of("Trigger")


def test_raw_signals_become_their_envelope_and_envelopes_stay():
    emg = Emg(names=("soleus_r", "RF_l"), time=TIME, signal=np.stack([raw(), 3 * BURSTS], axis=1))
    found = envelopes(emg, EmgConfig())
    assert found.sides == ("r", "l") and found.activity.max(0) == pytest.approx([1, 1])
    assert np.corrcoef(found.activity[:, 0], BURSTS)[0, 1] > 0.93
    assert np.allclose(found.activity[:, 1], BURSTS / BURSTS.max())


def test_flat_gappy_and_unknown_channels_are_left_out_and_said():
    gappy = np.where(TIME < 1.0, np.nan, raw())
    signal = np.stack([raw(), np.full(len(TIME), 0.3), gappy, raw()], axis=1)
    found = envelopes(Emg(names=("SOL_r", "TA_r", "RF_r", "Sync"), time=TIME, signal=signal), EmgConfig())
    assert found.muscles == ("soleus",)
    said = " ".join(found.notes)
    assert "TA_r (tibialis anterior) left out: it is flat" in said
    assert "50 % of its samples are missing" in said and "Sync left out" in said
    with pytest.raises(TrialError, match="no EMG channel can be used"):
        envelopes(Emg(names=("Sync",), time=TIME, signal=raw()[:, None]), EmgConfig())


def test_channels_without_a_side_belong_to_the_leg_that_stands_when_the_calf_is_active():
    emg = Emg(names=("soleus", "TA"), time=TIME, signal=np.stack([BURSTS, 1 - BURSTS], axis=1))
    stands = np.stack([BURSTS < 0.5, BURSTS > 0.5], axis=1)
    found = envelopes(emg, EmgConfig(), standing=(TIME, stands))
    assert found.sides == ("l", "l")
    assert envelopes(emg, EmgConfig(side="r"), standing=(TIME, stands)).sides == ("r", "r")


def test_an_own_map_names_and_leaves_out(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text("Ch 1: soleus_l\nCh 2: none\n")
    emg = Emg(names=("Ch 1", "Ch 2"), time=TIME, signal=np.stack([BURSTS, BURSTS], axis=1))
    found = envelopes(emg, EmgConfig(), own=path)
    assert (found.muscles, found.sides) == (("soleus",), ("l",))


def test_agreement_of_a_late_activation_is_best_at_its_delay():
    emg = Emg(names=("soleus_r",), time=TIME, signal=BURSTS[:, None])
    time = np.arange(150, 390) / 200.0
    late = 0.5 * (1 - np.cos(2 * np.pi * (time - 0.05)))
    found = agreement(envelopes(emg, EmgConfig()), time, late[:, None], ["soleus_r"])
    assert found["by_delay"].argmax() == 5 and found["by_delay"][5] == pytest.approx(1.0, abs=1e-4)
    assert found["median"] == pytest.approx(np.cos(2 * np.pi * 0.05), abs=0.02)
    still = agreement(envelopes(emg, EmgConfig()), time, np.ones((240, 1)), ["soleus_r"])
    assert still["median"] == 0.0
