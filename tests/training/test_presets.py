"""Presets that ship, and those of users' own files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kinesis_trl.commands.train import parse
from kinesis_trl.experiments.imitation import LAPTOP
from kinesis_trl.settings import SettingsError
from kinesis_trl.training.presets import PresetError, preset, presets_of, shipped_presets

MY_WALK = '''"""Walking with little effort."""

from dataclasses import replace

from kinesis_trl.experiments.imitation import FOLLOW, LAPTOP

MY_WALK = replace(
    LAPTOP,
    name="my_walk",
    motions="locomotion-v1/train",
    env=replace(LAPTOP.env, num_envs=64, reward=replace(FOLLOW, effort_weight=0.3)),
    ppo=replace(LAPTOP.ppo, gamma=0.98),
    total_steps=2_000_000,
)
'''


@pytest.fixture
def my_walk(tmp_path):
    path = tmp_path / "my_walk.py"
    path.write_text(MY_WALK)
    return path


def test_every_preset_that_ships_is_found_and_described():
    found = shipped_presets()
    assert next(iter(found)) == "laptop" and {"recover", "point-goal", "directional"} <= set(found)
    assert all(item.description for item in found.values())
    assert preset("laptop") is LAPTOP
    with pytest.raises(PresetError, match="choose one of laptop"):
        preset("laptp")


def test_a_file_of_ones_own_with_15_lines(my_walk):
    assert len(MY_WALK.splitlines()) <= 15
    ((name, item),) = presets_of(my_walk).items()
    assert (name, item.description) == ("my-walk", "Walking with little effort.")
    run = parse([str(my_walk), "--seed", "3"]).run
    assert run.env.reward.effort_weight == 0.3 and run.seed == 3 and run.name == "my_walk"
    assert parse([str(my_walk), "my-walk"]).run.ppo.gamma == 0.98


def test_several_runs_in_a_file_are_chosen_by_name(tmp_path, capsys):
    path = tmp_path / "pair.py"
    path.write_text(MY_WALK + 'SLOW_ONE = replace(MY_WALK, name="slow")\n')
    assert parse([str(path), "slow-one"]).run.name == "slow"
    with pytest.raises(SystemExit) as stop:
        parse([str(path)])
    assert stop.value.code == 2 and "slow-one" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, says",
    [
        ("x = 1\n", "makes no run; give it lines such as"),
        ("from kinesis_trl.experiments.imitation import LAPTOP\n", "makes no run"),
        ("\nx = (\n", r"line 2: .*never closed"),
        ("\n\nraise RuntimeError('no [/b]')\n", r"line 3: RuntimeError: no \[/b\]"),
        ("PRESETS = {'a': 1}\n", "PRESETS must be"),
        ("PRESETS = {'a': ('text', 1)}\n", "no TrainConfig"),
        ("PRESETS = {}\n", "nothing"),
    ],
)
def test_files_that_cannot_be_used(text, says, tmp_path):
    path = tmp_path / "odd.py"
    path.write_text(text)
    with pytest.raises(PresetError, match=says):
        parse([str(path)])
    with pytest.raises(SettingsError, match="no file"):
        parse([str(tmp_path / "missing.py")])


def test_a_folder_experiments_of_the_users_own_changes_nothing(my_walk):
    """Python puts the present folder first on its path, where the user's folder shadows one of the same name."""
    other = my_walk.parent / "experiments"
    other.mkdir()
    (other / "__init__.py").write_text("raise ImportError('the wrong folder')\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for arguments in (["train", "my_walk.py", "--help"], ["bench", "--help"]):
        command = [sys.executable, "-m", "kinesis_trl", *arguments]
        done = subprocess.run(command, cwd=my_walk.parent, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "usage: kinesis" in done.stdout, done.stderr
