"""The comparison of ways to learn: settings, table and picture."""

import numpy as np
import pytest
from rich.console import Console

from experiments.imitation import LAPTOP
from experiments.ladder import RUNGS, Climb, LadderConfig, draw, table


def climbs():
    return [
        Climb(name, seed, 100_000 * (seed + 1), [60.0, 120.0], [0.1, 0.2 + 0.1 * seed])
        for seed in (0, 1)
        for name in ("joints", "scratch")
    ]


def test_rungs_differ_from_the_preset_in_control_only():
    for _, config in RUNGS.values():
        assert config.ppo == LAPTOP.ppo and config.critic == LAPTOP.critic and config.collect == LAPTOP.collect
        assert config.env.reward == LAPTOP.env.reward and config.env.num_envs == LAPTOP.env.num_envs
    spaces = {(c.env.control, c.env.feedforward.space) for _, c in RUNGS.values()}
    assert len(spaces) == 4  # regression and scratch both ask for target lengths


def test_table_has_a_column_a_seed_and_the_last_coverage():
    console = Console(width=160, record=True)
    console.print(table(climbs()))
    text = console.export_text()
    assert "seed 0, %" in text and "seed 1, %" in text
    assert "20.0" in text and "30.0" in text and "0.15" in text
    assert "excitations" not in text  # was not measured


def test_picture_is_drawn(tmp_path):
    draw(climbs(), tmp_path / "ladder.png")
    from PIL import Image

    image = np.asarray(Image.open(tmp_path / "ladder.png").convert("RGB"))
    assert image.shape[1] == 1040 and image.std() > 10


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="unknown rungs ropes; choose of joints"):
        LadderConfig(rungs=("joints", "ropes"))
    with pytest.raises(ValueError, match="there must be a seed"):
        LadderConfig(seeds=())
