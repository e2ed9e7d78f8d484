"""Generated joint curves resemble the published ones."""

import numpy as np
import pytest

from kinesis_trl.motion.gait.gait_plot import PLOTTED_SPEEDS, compare_curves, plot_gait_curves


@pytest.mark.parametrize("speed", PLOTTED_SPEEDS)
def test_mean_curves_are_within_the_published_spread(body, speed):
    comparison = compare_curves(body, speed)
    assert len(comparison.generated) >= 6
    assert np.all(comparison.rms < 7.5)
    assert np.all(comparison.within > 0.85)


def test_the_picture_is_written(body, tmp_path):
    comparisons = plot_gait_curves(tmp_path / "curves.png", body)
    assert [c.speed for c in comparisons] == list(PLOTTED_SPEEDS)
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
