"""The embedded data set: how many clips of what, and that they never change."""

from collections import Counter

import numpy as np
import pytest

from kinesis_trl.motion.gait.data_sets import CATEGORIES, locomotion_v1
from kinesis_trl.motion.gait.footsteps import GaitStyle, plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(body):
    return locomotion_v1("test", body)


def test_sixty_test_clips_in_the_proportions_of_kit(clips):
    count = Counter(clip.category for clip in clips)
    assert sum(count.values()) == 60
    assert count == {c.name: c.test for c in CATEGORIES}
    for left, right in (("gradual turn", "gradual turn"), ("turn in place", "turn in place")):
        assert count[f"{left} left"] == count[f"{right} right"]
    assert {clip.source for clip in clips} == {"locomotion-v1"}
    assert len({clip.name for clip in clips}) == 60


def test_demo_is_the_first_test_clip_of_each_category(body, clips):
    demo = locomotion_v1("demo", body)
    assert [clip.category for clip in demo] == [category.name for category in CATEGORIES]
    first = {clip.category: clip for clip in reversed(clips)}
    for clip in demo:
        assert clip.name == first[clip.category].name
        np.testing.assert_array_equal(clip.qpos, first[clip.category].qpos)
    with pytest.raises(ValueError, match="train, test, demo"):
        locomotion_v1("validation", body)


def test_lengths_are_those_of_kit(clips):
    seconds = np.array([clip.seconds for clip in clips])
    assert seconds.min() >= 3.4 and seconds.max() <= 9.5


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_any_draw_has_such_a_length(category):
    for seed in range(30):
        rng = np.random.default_rng(seed)
        commands, label = category.draw(rng)
        assert 3.4 <= plan(commands, GaitStyle.sample(rng)).seconds <= 9.6, seed
        assert label.startswith("a person ")


def test_clips_are_finite_clear_of_the_floor_and_within_limits(body, clips):
    free = np.setdiff1d(np.arange(body.model.nq - 7), body.couplings.dependent_qpos - 7)
    low, high = body.joint_range[free].T
    for clip in clips:
        angles = clip.qpos[:, 7:][:, free]
        assert np.all(angles >= low - 1e-9) and np.all(angles <= high + 1e-9), clip.name
        assert body.lowest_foot_point(clip.qpos[::4]).min() > -0.007, clip.name


def test_turns_go_where_their_names_say(clips):
    for clip in clips:
        w, x, y, z = clip.qpos[:, 3:7].T
        turned = np.ptp(np.unwrap(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y**2 + z**2))))
        final = np.unwrap(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y**2 + z**2)))[-1]
        if clip.category.endswith(("left", "counter-clockwise")):
            assert final > np.radians(70), clip.name
        elif clip.category.endswith(("right", " clockwise")):
            assert final < -np.radians(70), clip.name
        else:
            assert turned < np.radians(25), clip.name


def test_training_has_four_times_as_many_and_other_draws(body, clips, monkeypatch):
    from kinesis_trl.motion.gait import data_sets

    monkeypatch.setattr(data_sets, "CATEGORIES", CATEGORIES[-1:])
    train = locomotion_v1("train", body)
    assert len(train) == 4 * CATEGORIES[-1].test
    assert not any(a.qpos.shape == b.qpos.shape and np.allclose(a.qpos, b.qpos) for a in train for b in clips)
    assert 4 * sum(c.test for c in CATEGORIES) >= 240
