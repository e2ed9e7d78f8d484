"""A training run from its config to its last checkpoint: collect, learn, evaluate, save, go on after a kill."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from rich.console import Console
from tensordict import TensorDictBase

from kinesis_trl.agents.actor import GaussianPolicy
from kinesis_trl.agents.checkpoint import save_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.atomic import write_text
from kinesis_trl.body.model import load_body
from kinesis_trl.envs.described import describe
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.progress import counting
from kinesis_trl.training.agent import RunError, make_agent
from kinesis_trl.training.collect import Source, body_of, flatten, make_env, make_source, open_clips
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.evaluation import Evaluation
from kinesis_trl.training.ppo import Learner
from kinesis_trl.training.run_folder import CHECKPOINTS, POLICY, claim, hold
from kinesis_trl.training.run_log import CurriculumRound, RunLog
from kinesis_trl.training.run_state import Checkpoints

_WARNING_INTERVAL = 60.0
"""Seconds between warnings of a disk that refuses."""
_MOST_STEPS = 1 << 53


class Trainer:
    """One run. `run()` starts it, or goes on from its last checkpoint to the numbers it would have had.

    In-process collection resumes bit for bit; worker processes and Ray actors begin new episodes instead.
    """

    def __init__(self, config: TrainConfig, console: Console, *, curriculum: CurriculumRound | None = None) -> None:
        """Take the run's folder, build everything, and restore the last checkpoint where there is one.

        Raises:
            RunError: another process trains in the folder, it cannot be written to, or holds a run with another config.
            CheckpointError: its checkpoint is damaged, or of a version whose reading could run code.
        """
        self.config, self.console = config, console
        self._lock = hold(config.folder)
        try:
            claim(config)
            self._build(curriculum)
        except BaseException:
            self._lock.release()
            raise

    def _build(self, curriculum: CurriculumRound | None) -> None:
        config = self.config
        torch.set_num_threads(config.torch_threads)
        torch.manual_seed(config.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.body = load_body(config.body)
        self.library: MotionLibrary | None = None
        if config.env.follows_clips:
            with counting(self.console, "preparing motions, which are kept for the next time", "clips") as on_clip:
                self.library = open_clips(config, self.body, workers=os.cpu_count() or 1, on_clip=on_clip)
                others = {body_of(config, worker) for worker in range(config.collect.workers)} - {config.body}
                for name in sorted(others):  # which workers then find ready
                    open_clips(config, load_body(name), workers=os.cpu_count() or 1, on_clip=on_clip)
        in_process = config.collect.mode == "in-process"
        self.env = make_env(config) if in_process else None
        sample = self.env or make_env(replace(config, env=replace(config.env, num_envs=config.collect.workers)))
        self._metric_names = sample.metric_names
        policy, critic = make_agent(config, sample)
        if isinstance(policy, GaussianPolicy) and policy.config.noise_memory:
            policy.carried = torch.zeros(config.env.num_envs, policy.action_width)  # a state has it from the start
        self.learner = Learner(
            policy.to(self.device), critic.to(self.device), config.ppo, config.warm_start is not None
        )
        self.progress: dict[str, Any] = {"step": 0, "iteration": 0, "seconds": 0.0}
        self.progress["next_evaluation"] = config.evaluation.every
        self._checkpoints = Checkpoints(config.folder / CHECKPOINTS)
        self.resumed = self._restore()
        self.log = RunLog(config.folder, config.tracking, resume_step=self.progress["step"])
        if curriculum is not None:
            self.log.log_round(curriculum)
        self._stop = False
        self._warned = -math.inf
        self._evaluated = -1
        self._evaluation = Evaluation(config, self.body, self.log, self.console)

    def run(self) -> dict[str, Any]:
        """Train until `total_steps` or `total_seconds`, or until Ctrl-C or a termination signal; returns the progress.

        A signal lets the iteration end, saves, and returns; a second one stops at once, leaving the last
        checkpoint. Frees the run's folder.

        Raises:
            RunError: the disk refuses the last checkpoint; the one before stays.
        """
        try:
            return self._run()
        finally:
            self.close()

    def close(self) -> None:
        """Free the run's folder without training; may be called twice."""
        self.log.close()
        self._lock.release()

    def _run(self) -> dict[str, Any]:
        config, done = self.config, self.progress["step"]
        if not self.resumed:
            self.log.log_hparams(config)
        source = make_source(config, self.learner.policy, self.device, self.env)
        saved = time.monotonic()
        try:
            with (
                self._signals(),
                counting(self.console, config.name, "steps", completed=done) as show,
            ):
                batches = iter(source.collector)
                while self.done() < 1.0 and not self._stop:
                    self._iterate(batches, source)
                    show(self.progress["step"], self._steps_in_all())
                    self._maybe_evaluate()
                    if time.monotonic() - saved > config.checkpoint_seconds:
                        self.save()
                        saved = time.monotonic()
            if (refused := self._save()) is not None:
                raise RunError(
                    f"the checkpoint at step {self.progress['step']} could not be written ({refused}); the one before "
                    "stays. Free space, and give the same command again."
                ) from refused
            self._maybe_evaluate(at_the_end=self.done() >= 1.0)
        finally:
            source.close()
        return dict(self.progress)

    def _iterate(self, batches: Iterator[TensorDictBase], source: Source) -> None:
        """Collect a batch, learn from it and log."""
        started = time.perf_counter()
        torch.set_num_threads(1)  # idle threads of torch would spin on the simulation's cores
        batch = flatten(next(batches))
        collected = time.perf_counter()
        torch.set_num_threads(self.config.torch_threads)
        figures = self.learner.learn(batch, self.done())
        source.update_policy(self.learner.policy)
        self.progress["step"] += batch.numel()
        self.progress["iteration"] += 1
        figures |= self._describe(batch)
        ended = time.perf_counter()
        self.progress["seconds"] += ended - started
        figures["steps_per_second"] = batch.numel() / (ended - started)
        figures["collect_share"] = (collected - started) / (ended - started)
        self._log(figures)

    def done(self) -> float:
        """Share of the run that is over; less than 1 after a run that was stopped."""
        limit, seconds = self.config.total_seconds, self.progress["seconds"]
        steps = self.progress["step"] / self.config.total_steps
        return steps if limit is None else max(steps, seconds / limit)

    def _steps_in_all(self) -> int:
        """Steps at the end of the run: as many as it makes in its time, where that ends it first."""
        return round(self.progress["step"] / max(self.done(), 1e-9))

    def save(self) -> bool:
        """Write a checkpoint and the policy; False where the disk refuses, which costs a warning once a minute."""
        refused = self._save()
        if refused is not None:
            self._warn(f"checkpoint at step {self.progress['step']} could not be written", refused)
        return refused is None

    def _save(self) -> OSError | None:
        """Write a checkpoint and the policy; returns what the disk says where it refuses. The last ones then stay."""
        step = self.progress["step"]
        try:
            self.log.flush()  # a run that goes on from here does not write these numbers again
            self._checkpoints.save(self._state(), step)
            save_policy(
                self.config.folder / POLICY,
                self.learner.averaged,
                body=self.body.name,
                critic=self.learner.critic,
                notes={
                    "run": self.config.name,
                    "step": step,
                    **describe(self.config.env),
                    "motions": self.config.motions,
                    "seed": self.config.seed,
                },
            )
        except OSError as error:
            return error
        return None

    def evaluate(self) -> dict[str, Any]:
        """Play the evaluation clips, or the task with a goal, with deterministic actions."""
        return self._evaluation.play(self.learner.averaged.eval(), self.progress["step"])

    # -- parts ---------------------------------------------------------------------------------------------

    def _maybe_evaluate(self, *, at_the_end: bool = False) -> None:
        """Evaluate when it is due; at the end of a run, however short, unless that was just done."""
        every, step = self.config.evaluation.every, self.progress["step"]
        due = step >= self.progress["next_evaluation"] or (at_the_end and step != self._evaluated)
        if not every or not due:
            return
        self._evaluated = step
        self.progress["next_evaluation"] = (step // every + 1) * every
        report = self.evaluate()
        try:
            write_text(self.config.folder / "evaluation.json", json.dumps({"step": step, **report}, indent=1))
        except OSError as error:
            self._warn(f"evaluation at step {step} could not be written", error)
        self._evaluation.tell(report, step)

    def _describe(self, batch: TensorDictBase) -> dict[str, float]:
        """Means over a batch (N, T): reward terms, and lengths of the episodes that ended, by category too."""
        after = batch["next"]
        figures = {"reward": float(after["reward"].mean())}
        metrics = dict(zip(self._metric_names, after["metrics"].unbind(-1), strict=True))
        figures |= {name: float(m.mean()) for name, m in metrics.items() if name not in ("clip", "episode_steps")}
        done = after["done"].squeeze(-1)
        figures["episodes"] = float(done.sum())
        if bool(done.any()):
            steps = metrics["episode_steps"][done]
            figures["episode_length"] = float(steps.mean())
            figures["reached_end"] = float(after["truncated"].squeeze(-1)[done].float().mean())
            if self.library is None:
                return figures
            clips = metrics["clip"][done].long()
            categories = np.array([self.library.clips[i].category or "none" for i in clips.tolist()])
            for category in np.unique(categories):
                mine = torch.from_numpy(categories == category)
                figures[f"episode_length@{category}"] = float(steps.cpu()[mine].mean())
        return figures

    def _log(self, figures: dict[str, float]) -> None:
        self.log.log_scalars({f"train/{name}": value for name, value in figures.items()}, self.progress["step"])

    def _warn(self, what: str, error: OSError) -> None:
        if time.monotonic() - self._warned > _WARNING_INTERVAL:
            self._warned = time.monotonic()
            self.console.print(
                f"{what}: {error}; the last one stays, training goes on.", style="yellow", markup=False, highlight=False
            )

    def _state(self) -> dict[str, Any]:
        """All that the run goes on from, as `Checkpoints` takes it."""
        devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "learner": self.learner.state_dict(),
            "env": {} if self.env is None else self.env.get_state(),
            "rng": {"torch": torch.get_rng_state(), **{f"cuda{k}": state for k, state in enumerate(devices)}},
            "progress": self.progress,
        }

    def _restore(self) -> bool:
        """Go on from the newest checkpoint; False where there is none."""
        state = self._checkpoints.load_latest(self._state(), finite="learner/")
        if state is None:
            return False
        try:
            if not all(0 <= value <= _MOST_STEPS for value in state["progress"].values()):
                raise ValueError(f"counters {state['progress']}")
            self.learner.load_state_dict(state["learner"])
            if self.env is not None:
                self.env.set_state(state["env"])
            torch.set_rng_state(state["rng"]["torch"])
            if torch.cuda.is_available():
                torch.cuda.set_rng_state_all([state["rng"][f"cuda{k}"] for k in range(len(state["rng"]) - 1)])
        except (ValueError, TypeError, KeyError, IndexError, RuntimeError, OverflowError) as error:
            raise CheckpointError(
                f"the newest checkpoint in {self.config.folder / CHECKPOINTS} cannot be gone on from "
                f"({' '.join(str(error).split())}); remove it to go on from the one before."
            ) from error
        self.progress.update(state["progress"])
        return True

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def ask(number: int, frame: Any) -> None:
            if self._stop:
                raise KeyboardInterrupt
            self._stop = True
            self.console.print("ending this iteration, then saving; once more to stop at once")

        before = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, ask)
        except ValueError:
            pass  # signals can only be caught in the main thread
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
