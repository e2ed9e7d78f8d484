"""The training command line: presets, single fields, settings files, and clear refusals."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.commands.train import ImitationCommand, as_imitated, main, parse, train
from kinesis_trl.envs.config import ObservationConfig
from kinesis_trl.envs.goal_config import DirectionalConfig
from kinesis_trl.experiments.imitation import LAPTOP, PAPER
from kinesis_trl.experiments.point_goal import LAPTOP as POINT_GOAL
from kinesis_trl.settings import SettingsError, to_yaml
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.distillation import COMPARISON


def test_presets_by_name_and_fields_one_by_one(tmp_path):
    command = parse(["laptop", "--expert", "0", "--ppo.clip", "0.1", "--actor.network.hidden", "32", "16"])
    assert command.expert == 0 and command.run.ppo.clip == 0.1
    assert command.run.actor.network.hidden == (32, 16)
    assert replace(command.run, ppo=LAPTOP.ppo, actor=LAPTOP.actor) == LAPTOP
    assert parse(["paper"]).run == PAPER


def test_a_settings_file_repeats_a_run_and_takes_changes(tmp_path):
    path = tmp_path / "config.yaml"
    original = replace(LAPTOP, name="mine", seed=7)
    path.write_text(to_yaml(original))
    assert parse(["--config", str(path)]).run == original
    assert parse(["--config", str(path), "--seed", "8"]).run == replace(original, seed=8)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["laptp"], "laptop"),
        (["laptop", "--ppo.clp", "3"], "--ppo.clip"),
        (["laptop", "--ppo.gamma", "3"], "gamma 3.0"),
        (["laptop", "--moe", "--curriculum"], "give one of"),
        (["laptop", "--env.num-envs", "many"], "many"),
    ],
)
def test_wrong_words_exit_with_what_was_meant(arguments, says, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(arguments)
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert says in said.err + said.out


@pytest.mark.parametrize("name", ["laptop", "recover", "paper", "directional"])
def test_help_shows_at_most_80_options_and_says_where_the_others_are(name, capsys):
    with pytest.raises(SystemExit):
        parse([name, "--help"])
    text = capsys.readouterr().out
    options = re.findall(r"^\W*?(--[a-z][\w.-]*)", text, flags=re.MULTILINE)
    assert 20 < len(options) <= 80
    assert "--write-config" in " ".join(text.split())
    assert ("--labels" in options) == (name == "directional") != ("--expert" in options)


def test_what_only_a_file_sets_is_refused_with_the_way_to_set_it(tmp_path):
    for option in ("--env.reward.position-scale", "--env.starts.grid", "--env.disturbance.pause"):
        with pytest.raises(SettingsError, match=f"{option.replace('no-', '')} is set in a file: kinesis train"):
            parse(["laptop", option, "3"])
    path = tmp_path / "my.yaml"
    main(["laptop", "--write-config", str(path), "--seed", "5"])
    assert parse(["--config", str(path)]).run == replace(LAPTOP, seed=5)
    text = path.read_text().replace("position_scale: 200.0", "position_scale: 50.0")
    path.write_text(text)
    assert parse(["--config", str(path), "--seed", "6"]).run.env.reward.position_scale == 50.0


def test_settings_files_that_cannot_be_used(tmp_path):
    with pytest.raises(SettingsError, match="needs the path"):
        parse(["--config"])
    with pytest.raises(SettingsError, match="cannot be read"):
        parse(["--config", str(tmp_path / "missing.yaml")])
    (tmp_path / "wrong.yaml").write_text("ppo: {clp: 1}")
    with pytest.raises(SettingsError, match="did you mean 'clip'"):
        parse(["--config", str(tmp_path / "wrong.yaml")])


def test_the_command_says_what_is_missing_in_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["train", "laptop", "--expert", "2", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "expert 2 starts from" in said and "kinesis train laptop --expert 1" in said


def test_tasks_with_a_goal_start_from_a_plain_policy(tmp_path, body):
    command = parse(["point-goal", "--warm-start", str(tmp_path / "plain"), "--env.near", "0.2"])
    assert command.run.env == replace(POINT_GOAL.env, near=0.2) and command.run.name == "point-goal"
    assert isinstance(parse(["directional"]).run.env, DirectionalConfig)
    quiet = Console(quiet=True)
    with pytest.raises(CheckpointError, match="no policy at"):
        train(command, quiet)
    actor = make_actor(LatticeConfig(network=NetworkConfig(hidden=(8, 8))), 323, 80)
    save_policy(tmp_path / "plain", actor, body=body.name, notes={"control": "direct", "lookahead": [4]})
    run = as_imitated(command.run, quiet, labels=1)
    assert run.env.control.name == "direct" and run.warm_start == tmp_path / "plain"
    assert run.env.observation.reference_steps == (4,)
    with pytest.raises(ValueError, match="are for imitation"):
        ImitationCommand(run=command.run, expert=0)


def test_a_policy_that_sees_the_goal_is_distilled_from_what_ships(tmp_path, body, monkeypatch):
    actor = make_actor(LatticeConfig(network=NetworkConfig(hidden=(8, 8))), 309, 80)
    distilled = []

    def distil(config, console):
        distilled.append(config)
        save_policy(config.out, actor, body=body.name, notes={"control": "pd", "labels": config.dagger.labels})
        (config.out / COMPARISON).write_text("{}")

    monkeypatch.setattr("kinesis_trl.training.distillation.distil", distil)
    save_policy(tmp_path / "shipped", actor, body=body.name, notes={"control": "feedforward"})
    monkeypatch.setattr("kinesis_trl.commands.train.asset", lambda name: tmp_path / "shipped")
    command = parse(["directional", "--runs", str(tmp_path / "runs"), "--labels", "77"])
    for _ in range(2):
        console = Console(record=True, width=500, file=io.StringIO())
        run = as_imitated(command.run, console, labels=command.labels)
        said = console.export_text()
        assert str(tmp_path / "shipped") in said and "77 labels" in said and f"PPO starts from {run.warm_start}" in said
        assert run.env.control.name == "pd" and run.warm_start.parent == tmp_path / "runs"
    assert len(distilled) == 1 and distilled[0].dagger.labels == 77 and distilled[0].policy == tmp_path / "shipped"
    assert distilled[0].goal == command.run.env and "directional" in run.warm_start.name


def test_training_to_the_end_is_said(library, tmp_path):
    library.save(tmp_path / "motions")
    run = replace(
        LAPTOP,
        runs=tmp_path / "runs",
        motions=str(tmp_path / "motions"),
        total_steps=64,
        env=replace(LAPTOP.env, num_envs=4, control="pd", observation=ObservationConfig()),
        collect=replace(LAPTOP.collect, horizon=8),
        evaluation=replace(LAPTOP.evaluation, every=0),
        tracking=replace(LAPTOP.tracking, aim=False),
    )
    assert isinstance(run, TrainConfig)
    assert train(ImitationCommand(expert=0, run=run), Console(quiet=True))
    assert (tmp_path / "runs" / "expert0" / "policy" / "policy.safetensors").is_file()
