"""Playing whole libraries: complete, deterministic, independent of how clips are batched."""

import numpy as np
import pytest

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.rollout import play_clips


def play(body, library, policy="reference", **options):
    config = options.pop("config", ImitationConfig())
    return play_clips(body, library, lambda env: baseline(policy, env), config, **options)


def test_batching_and_threads_do_not_change_the_episodes(body, library):
    together = play(body, library)
    apart = play(body, library, max_envs=2, config=ImitationConfig(physics=PhysicsConfig(threads=2)))
    assert [e.clip for e in together] == [0, 1, 2]
    for one, two in zip(together, apart, strict=True):
        np.testing.assert_array_equal(one.distance, two.distance)
        np.testing.assert_array_equal(one.reward, two.reward)


def test_episodes_end_by_the_lenient_rule_or_at_the_clips_end(body, library):
    for e in play(body, library, "zero"):
        mean = e.distance.mean(1)
        assert (mean[:-1] <= 0.5).all() and (mean[-1] > 0.5 or len(mean) == e.steps)


def test_states_are_kept_when_asked(body, library):
    first, second, _ = play(body, library, keep_states=frozenset([0]))
    assert first.qpos.shape == (len(first.distance) + 1, body.model.nq) and second.qpos is None
    np.testing.assert_allclose(first.qpos[0, 2:], library.qpos[0, 2:], atol=1e-12)
    assert (first.activation >= 0).all() and first.activation[-1].max() > 0


def test_reference_beats_zero(body, library):
    """Asking for the reference's muscle lengths holds the body longer than asking for half of the longest."""
    steps = {name: np.mean([len(e.distance) for e in play(body, library, name)]) for name in ("zero", "reference")}
    assert steps["reference"] > 1.2 * steps["zero"]


def test_unknown_or_unfit_policies_are_refused(body, library):
    with pytest.raises(ValueError, match="choose one of zero"):
        play(body, library, "nil")
    with pytest.raises(ValueError, match="--control pd or feedforward"):
        play(body, library, "reference", config=ImitationConfig(control="direct"))
