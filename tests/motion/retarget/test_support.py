"""A walking body always stands on a foot; a running one may fly."""

import numpy as np
import pytest

from kinesis_trl.motion.retarget.support import SupportConfig, complete_support

FPS = 30.0


def alternate(gap):
    """Heel and toes of the left foot stand until frame 20, of the right one from frame 20 + gap on."""
    frames = 40 + gap
    stance = np.zeros((frames, 2, 2), dtype=bool)
    stance[:20, 0], stance[20 + gap :, 1] = True, True
    stance[15:20, 0, 0] = False  # the heel rises first
    height = np.zeros((frames, 2))
    height[20:, 0] = 0.01 * np.arange(frames - 20)
    height[: 20 + gap, 1] = 0.01 * np.arange(20 + gap, 0, -1)
    return stance, height


@pytest.mark.parametrize("gap", [0, 1, 4, 7])
def test_walking_never_leaves_the_floor_and_hands_over_in_time(gap):
    stance, height = alternate(gap)
    done = complete_support(stance, height, np.full(len(stance), 0.9), FPS, SupportConfig(double_support=0.1))
    feet = done.any(2)
    assert feet.any(1).all()
    assert feet.all(1).sum() == 3  # 0.1 s
    assert (done[stance.any(2)] == stance[stance.any(2)]).all()  # what was seen stays
    longer = feet[:, 0] & ~stance[:, 0].any(1)
    assert longer.any() and not done[longer, 0, 0].any()  # only the toes go on standing
    switch = np.flatnonzero(feet.all(1))
    assert switch[0] >= 20 - 2 and switch[-1] <= 20 + gap + 2


def test_in_a_gap_the_lower_foot_stands():
    stance, height = alternate(9)
    feet = complete_support(stance, height, np.full(len(stance), 0.9), FPS, SupportConfig(double_support=0.0)).any(2)
    alone = feet.sum(1) == 1
    assert alone.all()
    assert (feet.argmax(1)[20:29] == height[20:29].argmin(1)).all()


def test_a_falling_pelvis_flies():
    stance, height = alternate(6)
    time = np.arange(len(stance)) / FPS
    middle = time[22]
    pelvis = 0.9 - 0.5 * 9.81 * (time - middle) ** 2
    done = complete_support(stance, height, pelvis, FPS, SupportConfig())
    assert not done[20:26].any()
    assert (done == stance).all()


def test_a_body_that_never_stands_is_held_by_its_lower_foot():
    stance, height = np.zeros((12, 2, 2), dtype=bool), np.tile([0.2, 0.1], (12, 1))
    done = complete_support(stance, height, np.full(12, 0.9), FPS, SupportConfig())
    assert done[:, 1].all() and not done[:, 0].any()


def test_a_body_high_in_the_air_is_not_held():
    stance, height = np.zeros((12, 2, 2), dtype=bool), np.full((12, 2), 0.3)
    assert not complete_support(stance, height, np.full(12, 1.2), FPS, SupportConfig()).any()


def test_settings_are_checked():
    with pytest.raises(ValueError, match="flight"):
        SupportConfig(flight=0.0)
    with pytest.raises(ValueError, match="double_support"):
        SupportConfig(double_support=-0.1)
