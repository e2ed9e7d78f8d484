"""The benchmark measures what it says: no assertion on speed, but on what is timed."""

import json
import os

import mujoco
import numpy as np
from rich.console import Console

from kinesis_trl.body.muscles import length_controller
from kinesis_trl.training.bench import ENV, BenchConfig, _step_by_loop, run, table


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
    report = run(config, Console(file=open(os.devnull, "w")))  # noqa: SIM115
    assert len(report["timings"]) == 10 and all(t["best"] > 0 for t in report["timings"].values())
    assert set(json.loads(json.dumps(report))) >= {"machine", "provenance", "load_average", "speed_over_bare"}
    said = Console(record=True, width=140, file=open(os.devnull, "w"))  # noqa: SIM115
    said.print(table(report))
    assert ENV in said.export_text()
