"""Every column is compared with people who walk as fast as most of its strides."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.physiology.activity import Activity
from kinesis_trl.physiology.emg_agreement import emg_agreement, most_common_speed
from kinesis_trl.physiology.emg_data import EmgData

PERCENT = np.linspace(0, 100, 101)


def bump(at: float) -> np.ndarray:
    return np.exp(-(((PERCENT - at + 50) % 100 - 50) ** 2) / 200)


@pytest.fixture
def people() -> EmgData:
    """Two people whose soleus peaks at 40 % at 1.0 m/s and at 60 % at 1.5 m/s."""
    mean = np.stack([np.stack([bump(at)[:, None], 2 * bump(at + 1)[:, None]]) for at in (40, 60)])
    return EmgData(
        source="made up",
        population="nobody",
        muscles=("soleus",),
        subjects=("a", "b"),
        speeds=np.array([1.0, 1.5]),
        percent=PERCENT,
        mean=mean,
    )


def walker(*strides: tuple[float, float], title: str = "walker") -> Activity:
    """Strides of the right leg, (speed, peak of the soleus in %) each; none of the left."""
    return Activity(
        title=title,
        signal="activation",
        names=("soleus_r", "soleus_l"),
        profiles={
            "r": np.stack([np.stack([bump(at), bump(at)], axis=1) for _, at in strides]),
            "l": np.empty((0, 101, 2)),
        },
        speeds={"r": np.array([speed for speed, _ in strides]), "l": np.empty(0)},
        seconds=1.1,
    )


def test_strides_of_another_speed_are_not_pooled(people: EmgData) -> None:
    mixed = walker((1.4, 60), (1.45, 60), (1.6, 60), (0.9, 40), (1.1, 40))
    found = emg_agreement([mixed], people, seed=0)
    leg = found["columns"]["walker"]["r"]
    assert leg["long head"]["cycles"] == 3 and leg["long head"]["speed"] == 1.5
    assert leg["walked"] == pytest.approx(np.mean([1.4, 1.45, 1.6]))
    assert leg["long head"]["median"]["value"] > 0.99
    assert "no stride of the left foot" in found["columns"]["walker"]["l"]["reason"]
    rows = found["by_speed"]["walker"]
    assert [(row["speed"], row["r"]["n"]) for row in rows] == [(1.0, 2), (1.5, 3)] and "l" not in rows[0]
    assert all(row["r"]["value"] > 0.99 for row in rows)  # each with people of its own speed
    assert [p["speed"] for p in found["people"]] == [1.5]


def test_each_column_has_its_own_speed(people: EmgData) -> None:
    found = emg_agreement([walker((1.0, 40)), walker((1.5, 60), title="runner")], people, seed=0)
    assert [p["speed"] for p in found["people"]] == [1.0, 1.5]
    assert most_common_speed(walker((1.0, 40), (1.5, 60)), people) == 1  # a tie goes to the faster


def test_without_data_the_reason_stands(people: EmgData) -> None:
    assert emg_agreement([walker((1.0, 40))], "no EMG here", seed=0) == {"reason": "no EMG here"}


def test_published_figures_ship(people: EmgData) -> None:
    published = {row["who"]: row["value"] for row in emg_agreement([walker((1.0, 40))], people, seed=0)["published"]}
    assert published["KINESIS"] == "0.37"
