"""Time our physics, environment and training beside bare MuJoCo, all in one run, and write the figures.

Everything is timed in turns, round after round, on the same states: those that bodies pass through while they
follow reference muscle lengths, about an eighth of them lost and reset in each step. Training has its own states:
those of the laptop preset's untrained policy, two fifths of them reset in each step. A policy step is 5 physics steps
(1/30 s). Ratios are between the best rounds: other work on the machine only ever adds time.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count as count_from
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from kinesis_trl.agents.baselines import baseline
from kinesis_trl.agents.critic import Critic
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.agents.provenance import provenance
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.muscles import target_length
from kinesis_trl.body.physics import BatchPhysics
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.terms.terminations import STRICT, DistanceRule
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import open_library
from kinesis_trl.progress import progress
from kinesis_trl.training.collect import make_source
from kinesis_trl.training.config import BenchConfig, TrainConfig
from kinesis_trl.training.instructions import instructions_of_step
from kinesis_trl.training.ppo import Learner

BARE = "bare mj_step, 1 thread"
BARE_2 = "bare mj_step, 2 threads"
PHYSICS = "physics with length controller, 1 thread"
ENV = "environment step, 1 thread"
CALM = "environment step, hardly any resets, 1 thread"
ENV_2 = "environment step, 2 threads"
BARE_TRAIN = "bare mj_step on the states of training, 2 threads"
COLLECT = "collection with the laptop policy, 2 threads"
TRAIN = "training (collection and update), 2 threads"
LOOP = "the same controller as a Python loop over muscles, 1 thread"


@dataclass(frozen=True)
class Timing:
    """Seconds per policy step of one body, over the rounds."""

    median: float
    best: float
    spread: float
    """Distance between the quartiles, as a share of the median."""

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """Of one value a round."""
        low, median, high = np.percentile(seconds, [25, 50, 75])
        return cls(float(median), float(np.min(seconds)), float((high - low) / median))


def run(config: BenchConfig, laptop: TrainConfig, console: Console) -> dict[str, Any]:
    """Figures of all parts, and the ratios between them; training as of the preset laptop."""
    torch.set_num_threads(1)
    load_before = os.getloadavg()[0]
    body = load_body()
    library, _ = open_library(config.motions, body)
    parts = _parts(body, library, config, laptop)
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    with progress(console, "timing", (config.rounds + 1) * len(parts), "parts") as advance:
        for part in parts.values():  # nothing is timed in its first run
            part()
            advance(1)
        for _ in range(config.rounds):
            for name, part in parts.items():
                seconds[name].append(part())
                advance(1)
    best = {name: min(values) for name, values in seconds.items()}
    return {
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
        "provenance": provenance(),
        "timings": {name: asdict(Timing.of(values)) for name, values in seconds.items()},
        "speed_over_bare": {name: best[BARE] / value for name, value in best.items()},
        "speed_2_threads_over_1": best[ENV] / best[ENV_2],
        "bare_2_threads_over_1": best[BARE] / best[BARE_2],
        "training_over_bare_2_threads": best[BARE_TRAIN] / best[TRAIN],
        "speed_over_python_loop": best[LOOP] / best[ENV],
        "instructions_per_physics_step": _instructions(body) if config.instructions else None,
    }


def _instructions(body: BodyModel) -> dict[str, float]:
    """Of the model that is simulated and of the whole one."""
    qpos = body.standing_qpos.tobytes()
    return {"simulated": instructions_of_step(body.model, qpos), "whole": instructions_of_step(body.whole, qpos)}


def table(report: dict[str, Any]) -> Table:
    """The figures for a terminal."""
    load = f"load {report['load_before']:.1f} before, {report['load_after']:.1f} after"
    out = Table(title=f"{report['config']['num_envs']} environments, {load}")
    for column in ("", "ms per policy step, median", "best", "spread", "policy steps/s", "speed over bare mj_step"):
        out.add_column(column, justify="left" if not column else "right")
    for name, timing in report["timings"].items():
        out.add_row(
            name,
            f"{1e3 * timing['median']:.3f}",
            f"{1e3 * timing['best']:.3f}",
            f"{100 * timing['spread']:.0f} %",
            f"{1 / timing['median']:,.0f}",
            f"{report['speed_over_bare'][name]:.2f}",
        )
    out.caption = (
        f"environment, 2 threads over 1: {report['speed_2_threads_over_1']:.2f} "
        f"(bare mj_step: {report['bare_2_threads_over_1']:.2f}); "
        f"training over bare mj_step on 2 threads: {report['training_over_bare_2_threads']:.2f}; "
        f"environment over the Python loop: {report['speed_over_python_loop']:.1f}"
    )
    if counted := report["instructions_per_physics_step"]:
        share = counted["simulated"] / counted["whole"]
        out.caption += (
            f"; instructions of a physics step: {counted['simulated']:,.0f}, {share:.2f} of those of the whole model"
        )
    return out


def _parts(
    body: BodyModel, library: MotionLibrary, config: BenchConfig, laptop: TrainConfig
) -> dict[str, Callable[[], float]]:
    def make(threads: int, rule: DistanceRule = STRICT) -> ImitationEnv:
        physics = PhysicsConfig(threads=threads)
        settings = ImitationConfig(num_envs=config.num_envs, seed=config.seed, physics=physics, rule=rule)
        return ImitationEnv(body, library, settings)

    one, two, calm = make(1), make(2), make(1, DistanceRule(over="mean", distance=2.0))
    states, actions = _record(one, config.steps)
    targets = target_length(actions, body.muscles)
    physics = BatchPhysics(body, config.num_envs)

    def environment(env: ImitationEnv) -> float:
        policy = baseline("reference", env)
        env.set_seed(config.seed)
        td = env.reset()
        spent = 0.0
        for _ in range(config.steps):
            td = policy(td)
            started = time.perf_counter()
            _, td = env.step_and_maybe_reset(td)
            spent += time.perf_counter() - started
        return spent / config.steps / config.num_envs

    def controlled() -> float:
        spent = 0.0
        for state, target in zip(states, targets, strict=True):
            physics.set_state(state)
            started = time.perf_counter()
            physics.step_lengths(target)
            spent += time.perf_counter() - started
        return spent / config.steps / config.num_envs

    data = mujoco.MjData(body.model)
    pair = _TwoThreads(body, physics.config.substeps)
    everything = [row for state in states for row in state["state"]]

    def bare() -> float:
        started = time.perf_counter()
        for row in everything:
            mujoco.mj_setState(body.model, data, row, mujoco.mjtState.mjSTATE_INTEGRATION)
            mujoco.mj_step(body.model, data, physics.config.substeps)
        return (time.perf_counter() - started) / len(everything)

    training = _Training(body, library, config, laptop, pair)
    few = [(state, targets[t, row]) for t, s in enumerate(states) for row, state in enumerate(s["state"][:2])]

    def loop() -> float:
        started = time.perf_counter()
        for row, target in few:
            mujoco.mj_setState(body.model, data, row, mujoco.mjtState.mjSTATE_INTEGRATION)
            _step_by_loop(body, data, target, physics.config.substeps)
        return (time.perf_counter() - started) / len(few)

    return {
        BARE: bare,
        BARE_2: lambda: pair.step(everything),
        PHYSICS: controlled,
        ENV: lambda: environment(one),
        CALM: lambda: environment(calm),
        ENV_2: lambda: environment(two),
        BARE_TRAIN: training.bare,
        COLLECT: training.collect,
        TRAIN: training.learn,
        LOOP: loop,
    }


class _TwoThreads:
    """Bare mj_step on two Python threads; MuJoCo releases the interpreter's lock."""

    def __init__(self, body: BodyModel, substeps: int) -> None:
        self.model, self.substeps = body.model, substeps
        self.data = [mujoco.MjData(body.model) for _ in range(2)]
        self.threads = ThreadPoolExecutor(2)

    def step(self, states: list[NDArray[np.float64]]) -> float:
        """Seconds per policy step from each of the states."""

        def half(index: int) -> None:
            for row in states[index::2]:
                mujoco.mj_setState(self.model, self.data[index], row, mujoco.mjtState.mjSTATE_INTEGRATION)
                mujoco.mj_step(self.model, self.data[index], self.substeps)

        started = time.perf_counter()
        list(self.threads.map(half, (0, 1)))
        return (time.perf_counter() - started) / len(states)


class _Training:
    """Iterations of the laptop preset's size on 2 threads, control pd, in seconds per policy step."""

    def __init__(
        self, body: BodyModel, library: MotionLibrary, config: BenchConfig, laptop: TrainConfig, pair: _TwoThreads
    ) -> None:
        count = laptop.env.num_envs
        settings = ImitationConfig(num_envs=count, seed=config.seed, physics=PhysicsConfig(threads=2))
        env = ImitationEnv(body, library, settings)
        torch.manual_seed(config.seed)
        policy = make_actor(laptop.actor, env.observation_width, body.model.nu)
        self.learner = Learner(policy, Critic(laptop.critic, env.observation_width), laptop.ppo)
        self.batches = iter(make_source(laptop, policy, torch.device("cpu"), env).collector)
        next(self.batches)
        states: list[NDArray[np.float64]] = []
        substeps = count_from()

        def record() -> None:
            if next(substeps) % env.physics.config.substeps == 0:
                states.extend(env.physics.get_state()["state"])

        env.physics.on_substep = record
        next(self.batches)
        env.physics.on_substep = None
        self.states, self.pair = states[:: max(1, len(states) // 1024)], pair

    def bare(self) -> float:
        """Bare mj_step on the states of one iteration."""
        return self.pair.step(self.states)

    def collect(self) -> float:
        """One iteration's collection."""
        return self._timed(update=False)

    def learn(self) -> float:
        """One iteration's collection and update."""
        return self._timed(update=True)

    def _timed(self, *, update: bool) -> float:
        started = time.perf_counter()
        batch = next(self.batches)
        if update:
            torch.set_num_threads(2)
            self.learner.learn(batch)
        spent = time.perf_counter() - started
        torch.set_num_threads(1)
        return spent / batch.numel()


def _record(env: ImitationEnv, steps: int) -> tuple[list[dict[str, NDArray[Any]]], NDArray[np.float64]]:
    """The simulations before each of `steps` policy steps, and the actions taken (steps, N, M)."""
    policy = baseline("reference", env)
    env.set_seed(0)
    td = env.reset()
    states, actions = [], []
    for _ in range(steps):
        td = policy(td)
        states.append(env.physics.get_state())
        actions.append(td["action"].double().numpy().copy())
        _, td = env.step_and_maybe_reset(td)
    return states, np.array(actions)


def _step_by_loop(body: BodyModel, data: mujoco.MjData, target: NDArray[np.float64], substeps: int) -> None:
    """One policy step of the length controller, muscle by muscle, as research code usually has it."""
    model = body.model
    for _ in range(substeps):
        for i in range(model.nu):
            length, velocity = data.actuator_length[i], data.actuator_velocity[i]
            span, acc0 = model.actuator_lengthrange[i], model.actuator_acc0[i]
            peak = model.actuator_biasprm[i, 2]
            force = np.clip(5 * peak * (target[i] - length) - 0.5 * peak * velocity, -peak, 0)
            gain = mujoco.mju_muscleGain(length, velocity, span, acc0, model.actuator_gainprm[i, :9])
            bias = mujoco.mju_muscleBias(length, span, acc0, model.actuator_biasprm[i, :9])
            data.ctrl[i] = np.clip((force - bias) / np.minimum(gain, -1), 0, 1)
        mujoco.mj_step(model, data)
