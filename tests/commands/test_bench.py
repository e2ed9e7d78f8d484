"""The benchmark measures what it says: no assertion on speed, but on what is timed."""

import json
import os
from dataclasses import replace

import mujoco
import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.body.muscles import length_controller
from kinesis_trl.commands.bench import main
from kinesis_trl.training.bench import ENV, BenchConfig, _step_by_loop, run, table
from kinesis_trl.training.instructions import instructions_of_step
from kinesis_trl.training.presets import preset


def test_the_loop_it_compares_with_is_the_same_controller(body):
    slow, fast = mujoco.MjData(body.model), mujoco.MjData(body.model)
    for data in (slow, fast):
        data.qpos[:] = body.standing_qpos
        mujoco.mj_forward(body.model, data)
    target = slow.actuator_length * np.random.default_rng(0).uniform(0.9, 1.05, body.model.nu)
    _step_by_loop(body, slow, target, 5)
    for _ in range(5):
        fast.ctrl[:] = length_controller(fast.actuator_length, fast.actuator_velocity, target, body.muscles)
        mujoco.mj_step(body.model, fast)
    np.testing.assert_allclose(slow.qpos, fast.qpos, atol=1e-12)
    assert slow.act.max() > 0.01


def test_report_holds_every_part_and_fits_json(library, tmp_path):
    library.save(tmp_path / "motions")
    config = BenchConfig(motions=str(tmp_path / "motions"), num_envs=3, steps=2, rounds=1)
    laptop = preset("laptop")
    laptop = replace(laptop, env=replace(laptop.env, num_envs=4), collect=replace(laptop.collect, horizon=8))
    report = run(config, laptop, Console(file=open(os.devnull, "w")))  # noqa: SIM115
    assert len(report["timings"]) == 10 and all(t["best"] > 0 for t in report["timings"].values())
    told = set(json.loads(json.dumps(report)))
    assert told >= {"machine", "provenance", "load_before", "load_after", "speed_over_bare"}
    said = Console(record=True, width=140, file=open(os.devnull, "w"))  # noqa: SIM115
    said.print(table(report))
    assert ENV in said.export_text()


def test_figures_of_a_busy_machine_are_not_written_unless_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "getloadavg", lambda: (3.2, 1.0, 1.0))
    with pytest.raises(SystemExit) as stopped:
        main(["--json", str(tmp_path / "bench.json")])
    assert stopped.value.code != 0 and not list(tmp_path.iterdir())
    assert "load over the last minute is 3.2" in " ".join(capsys.readouterr().out.split())


def test_instructions_of_starting_python_are_not_counted(tmp_path, monkeypatch):
    model = mujoco.MjModel.from_xml_string("<mujoco><worldbody/></mujoco>")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="valgrind is not installed"):
        instructions_of_step(model, b"")
    counter = tmp_path / "valgrind"
    counter.write_text('#!/bin/sh\necho "==1== Collected : $((900000 + 70 * $7))" >&2\n')
    counter.chmod(0o755)
    assert instructions_of_step(model, b"") == 70
    counter.write_text('#!/bin/sh\necho "out of memory" >&2\nexit 3\n')
    with pytest.raises(ChildProcessError, match=r"status 3.*out of memory"):
        instructions_of_step(model, b"")
