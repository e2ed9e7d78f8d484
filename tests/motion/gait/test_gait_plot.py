"""Generated joint curves resemble the published ones."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

_SPEC = importlib.util.spec_from_file_location("gait_curves", Path(__file__).parents[3] / "docs" / "gait_curves.py")
curves = sys.modules["gait_curves"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(curves)


@pytest.mark.parametrize("speed", curves.PLOTTED_SPEEDS)
def test_mean_curves_are_within_the_published_spread(body, speed):
    comparison = curves.compare_curves(body, speed)
    assert len(comparison.generated) >= 6
    assert np.all(comparison.rms < 8.0)
    assert np.all(comparison.within > 0.85)


def test_the_picture_is_written(body, tmp_path):
    comparisons = curves.plot_gait_curves(tmp_path / "curves.png", body)
    assert [c.speed for c in comparisons] == list(curves.PLOTTED_SPEEDS)
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
