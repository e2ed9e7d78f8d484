"""What two motions differ by dies away."""

import numpy as np

from kinesis_trl.motion.gait.curve_fit import dying


def test_the_difference_is_kept_then_goes_smoothly_to_zero():
    time = np.arange(6)[:, None] / 30
    offset = np.concatenate([0.1 + 0.3 * time, -0.05 + 0.0 * time], axis=1)
    out = dying(offset, 40, 10)
    assert out.shape == (40, 2)
    np.testing.assert_array_equal(out[:6], offset)
    np.testing.assert_array_equal(out[15:], 0.0)
    steps = np.diff(out[:, 0])  # 0.01 a frame, which goes on
    assert abs(steps[5] - steps[4]) < 0.006 and abs(np.diff(steps)).max() < 0.012
    assert np.abs(np.diff(out[:, 1])).max() < 0.05 / 10 * 1.9


def test_the_shape_of_what_is_added_does_not_matter():
    offset = np.ones((3, 2, 5))
    assert dying(offset, 20, 8).shape == (20, 2, 5)
