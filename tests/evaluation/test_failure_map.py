"""Where policies fail: counted in the frame where it happens, from starts everywhere."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.body.fatigue import FatigueConfig
from kinesis_trl.commands.failure_map import FailureMapConfig, look
from kinesis_trl.commands.robustness import RobustnessConfig, try_out
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.envs.terms.terminations import KINESIS, STRICT, DistanceRule
from kinesis_trl.evaluation.failure_map import (
    Failures,
    count_failures,
    draw_failures,
    failure_table,
    report_failures,
)


def spots(body, library, rule=STRICT, **options):
    settings = ImitationConfig(num_envs=6)
    return count_failures(
        body, library, lambda env: baseline("zero", env), settings, rule=rule, steps=40, **{"seed": 1} | options
    )


def test_a_clip_by_hand():
    passed, failed = np.full(30, 4), np.zeros(30, dtype=int)
    failed[[20, 22]] = 2, 1
    clip = Failures(passed, failed)
    assert clip.per_100 == pytest.approx(100 * 3 / 120)
    assert clip.worst == pytest.approx(18 / 30)  # the first moment within 0.13 s of all three
    assert clip.share_at_worst == 1.0
    assert clip.by_half_second() == [0.0, pytest.approx(1 - (1 - 0.5) * (1 - 0.25))]
    none = Failures(np.zeros(20, dtype=int), np.zeros(20, dtype=int))
    assert none.per_100 == 0.0 and none.worst is None and none.by_half_second() == [None, None]


def test_every_step_is_counted_once_where_it_was_made(body, library):
    made = []
    found = spots(body, library, on_step=made.append)
    assert sum(made) == sum(int(f.passed.sum()) for f in found) == 6 * 40
    assert [len(f.passed) for f in found] == library.frames.tolist()
    assert all(f.passed[-1] == 0 for f in found)  # a clip's last frame leads nowhere
    assert all((f.failed <= f.passed).all() for f in found)


def test_stricter_rules_lose_more_bodies_and_seeds_repeat(body, library):
    lost = [
        sum(int(f.failed.sum()) for f in spots(body, library, rule))
        for rule in (DistanceRule(over="any", distance=1e9), KINESIS, STRICT, STRICT)
    ]
    assert lost[0] == 0 <= lost[1] < lost[2] == lost[3]


def test_report_table_and_picture(body, library, tmp_path):
    report = report_failures(spots(body, library), library)
    rates = [row["failures_per_100_steps"] for row in report["clips"]]
    assert report["summary"]["failures"] == sum(row["failures"] for row in report["clips"]) > 0
    assert failure_table(report).columns[4]._cells[0] == f"{max(rates):.2f}"
    assert failure_table(report, most=1).row_count == 1
    draw_failures(report, tmp_path / "spots.png")
    assert (tmp_path / "spots.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_writes_what_it_found(library, tmp_path):
    library.save(tmp_path / "motions")
    config = FailureMapConfig(
        policy="zero", motions=str(tmp_path / "motions"), steps=3, num_envs=2, json=tmp_path / "spots.json"
    )
    report = look(config, Console(quiet=True))
    kept = json.loads((tmp_path / "spots.json").read_text())
    assert kept["clips"] == report["clips"] and kept["summary"]["steps"] == 6
    with pytest.raises(ValueError, match="at least 1"):
        FailureMapConfig(steps=0)


def test_tired_muscles_lose_more(library, tmp_path):
    library.save(tmp_path / "motions")
    usual = FailureMapConfig(policy="reference", motions=str(tmp_path / "motions"), steps=30, num_envs=8)
    tired = replace(usual, condition=FatigueConfig(fatigued=(0.95,)))
    lost = [look(config, Console(quiet=True))["summary"]["failures"] for config in (usual, tired)]
    assert lost[1] > lost[0]
    for refuse, kind in ((look, usual), (try_out, RobustnessConfig(policy="zero"))):
        with pytest.raises(ValueError, match="3 fatigued shares; expected one, or one for each of 80 muscles"):
            refuse(replace(kind, condition=FatigueConfig(fatigued=(0.1, 0.2, 0.3))), Console(quiet=True))
