"""Likeness and cost by speed: each stride counts with people of its own speed, and what is missing is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.physiology.emg_data import EmgData
from kinesis_trl.physiology.speeds import by_speed, judge_speeds
from kinesis_trl.physiology.strides import Run, collect

PERCENT = np.linspace(0, 100, 101)


@pytest.fixture(scope="module")
def slow(walk):
    """The same walk, filmed at a third of its speed."""
    return replace(walk, rate=walk.rate / 3, time=3 * walk.time, clip="slow")


def people(walk, speeds) -> EmgData:
    """Two persons whose soleus does what the walk's does, at some speeds; at the last one the opposite."""
    strides, _ = collect(Run(title="w", recordings=(walk,)))
    own = strides.pool(lambda r: r.activation[:, [walk.muscle("soleus_l")]], 1).mean(0)
    mean = np.stack([np.stack([own, 2 * own])] * len(speeds))
    mean[-1] *= -1
    return EmgData(
        source="made up", population="nobody", muscles=("soleus",), subjects=("a", "b"), speeds=np.array(speeds),
        percent=PERCENT, mean=mean,
    )  # fmt: skip


def test_strides_are_compared_at_their_own_speed(body, walk, slow):
    data = people(walk, (0.3, 1.2))
    found = by_speed({"walks": [Run(title="p", recordings=(walk, slow))]}, body, data, seed=0)
    first, second = found["rows"]
    assert (first["speed"], second["speed"]) == (0.3, 1.2)
    assert first["walked"] == pytest.approx(second["walked"] / 3, rel=0.1)  # below 0.4 m/s counts too
    assert first["r"]["l"][0] > 0.99 and second["r"]["l"][0] < -0.99
    assert first["likeness"] == pytest.approx((first["r"]["l"][0] + first["r"]["r"][0]) / 2)
    assert first["by_delay"][0] == first["likeness"] and len(first["by_delay"]) == len(first["delays"]) == 11
    assert second["cost"] < first["cost"]  # the same activity three times as long a metre, at a third of the power
    assert [r for _, r in found["people"]] == pytest.approx([1, 1])
    state, headline, text = judge_speeds(found, "p")
    assert headline.endswith("over 2 speeds") and "least at 1." in text and state in ("poor", "fair")


def test_without_emg_and_without_strides(body, walk, statue):
    runs = [Run(title="p", recordings=(walk,)), Run(title="still", recordings=(statue,))]
    found = by_speed({"walks": runs}, body, "no EMG here", seed=0)
    assert all("likeness" not in row and row["cost"] > 1 for row in found["rows"]) and not found["people"]
    assert found["missing"][0][:2] == ["walks", "still"] and "no stride" in found["missing"][0][2]
    assert judge_speeds(found, "p")[0] == "unknown" and "no stride" in judge_speeds(found, "still")[2]
