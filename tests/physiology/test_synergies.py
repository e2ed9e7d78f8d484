"""Synergies: made-up mixtures are taken apart again."""

from __future__ import annotations

import numpy as np
import pytest

from kinesis_trl.physiology.synergies import SynergyError, synergies


def test_two_patterns_are_found() -> None:
    t = np.linspace(0, 1, 200)
    pattern = np.stack([np.exp(-((t - 0.2) ** 2) / 0.005), np.exp(-((t - 0.7) ** 2) / 0.005)], axis=1)
    weight = np.array([[1.0, 0.5, 0.0, 0.0, 0.2], [0.0, 0.0, 1.0, 0.3, 0.2]])
    activation = np.concatenate([0.4 * pattern @ weight, np.zeros((200, 1))], axis=1)
    found = synergies(activation, list("abcdef"), 4)
    assert found.muscles == tuple("abcde")  # the silent one is left out
    assert found.explained[0] < 0.9
    assert found.explained[1] > 0.999
    assert (np.diff(found.explained) > -1e-3).all()
    assert found.enough == 2 and found.weight.shape == (2, 5)
    np.testing.assert_allclose(found.weight.max(1), 1)
    early = found.weight[:, 0].argmax()
    np.testing.assert_allclose(found.weight[early], [1, 1, 0, 0, 0.5], atol=0.55)
    assert found.weight[early, :2].min() > 5 * found.weight[early, 2:4].max()
    again = synergies(activation, list("abcdef"), 4)
    np.testing.assert_array_equal(found.weight, again.weight)


def test_explained_variance_by_hand() -> None:
    # Two muscles that alternate: one synergy of either explains half, two explain all.
    activation = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = synergies(activation, ["a", "b"])
    assert found.explained[0] == pytest.approx(0.5, abs=0.01)
    assert found.explained[1] == pytest.approx(1.0, abs=1e-3)


def test_too_few_synergies_are_said() -> None:
    noise = np.random.default_rng(0).random((300, 12)) ** 4
    found = synergies(noise, [str(k) for k in range(12)], 2)
    assert found.enough is None and found.weight.shape == (2, 12)


@pytest.mark.parametrize(
    ("activation", "says"),
    [
        (np.zeros((10, 2)), "no muscle is active"),
        (-np.ones((10, 2)), "negative"),
        (np.full((10, 2), np.nan), "infinite"),
        (np.ones((10, 3)), "expected"),
    ],
)
def test_bad_activity(activation: np.ndarray, says: str) -> None:
    with pytest.raises(SynergyError, match=says):
        synergies(activation, ["a", "b"])
