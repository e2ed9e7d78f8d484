"""Evaluation while training: the clips of imitation, or the task with a goal, with deterministic actions."""

from __future__ import annotations

import os

from rich.console import Console

from kinesis_trl.agents.policy import Policy
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.envs.imitation import inverse_for
from kinesis_trl.evaluation.metrics import evaluate_episodes
from kinesis_trl.evaluation.rendering import RenderError
from kinesis_trl.evaluation.rollout import Episode, play_clips
from kinesis_trl.evaluation.task import Report, figures, task_of
from kinesis_trl.evaluation.video import episode_frames
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import open_library
from kinesis_trl.planning.controllers import Player
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.run_log import RunLog


class Evaluation:
    """Plays the task of a run, and tells the result to its log and console."""

    def __init__(self, config: TrainConfig, body: BodyModel, log: RunLog, console: Console) -> None:
        self.config, self.body, self.log, self.console = config, body, log, console
        self._library: MotionLibrary | None = None
        self._draws = config.tracking.aim

    def play(self, policy: Policy, step: int) -> Report:
        """The report of `kinesis eval`; moving pictures go to the dashboard."""
        task = self.config.env
        if isinstance(task, ImitationConfig):
            return self._follow(policy, task, step)
        player = Player(
            ImitationConfig().as_seen_in(task), lambda _: policy, (policy.observation_width, policy.action_width)
        )
        return task_of(task).evaluate(self.body, player, "policy", task, self.config.seed)

    def tell(self, report: Report, step: int) -> None:
        """Log and print the figures of a report."""
        if not isinstance(self.config.env, ImitationConfig):
            found = figures(report)
            self.log.log_scalars(found, step)
            said = ", ".join(f"{name.removeprefix('eval/')} {value:.3g}" for name, value in found.items())
            self.console.print(f"step {step:,}: {said}")
            return
        found = {}
        for rule, summary in report["summary"].items():
            for name in ("success", "coverage", "mpjpe_mm"):
                found[f"eval/{rule}_{name}"] = summary[name]["mean"]
        for category, rules in report["by_category"].items():
            found[f"eval/strict_coverage@{category}"] = rules["strict"]["coverage"]["mean"]
        self.log.log_scalars(found, step)
        strict, lenient = report["summary"]["strict"], report["summary"]["kinesis"]
        self.console.print(
            f"step {step:,}: strict coverage {100 * strict['coverage']['mean']:.1f} %, "
            f"kinesis success {100 * lenient['success']['mean']:.1f} %, MPJPE {lenient['mpjpe_mm']['mean']:.0f} mm"
        )

    def _follow(self, policy: Policy, task: ImitationConfig, step: int) -> Report:
        if self._library is None:
            motions, cores = self.config.evaluation.motions, os.cpu_count() or 1
            self._library, _ = open_library(motions, self.body, inverse=inverse_for(task.control), workers=cores)
        shown = range(min(self.config.evaluation.images, len(self._library)))
        episodes = play_clips(self.body, self._library, lambda env: policy, task, keep_states=frozenset(shown))
        self._film(self._library, [episodes[i] for i in shown], step)
        return evaluate_episodes(episodes, self._library.clips)

    def _film(self, library: MotionLibrary, episodes: list[Episode], step: int) -> None:
        """Moving pictures for the dashboard; where nothing can be drawn, that is said once."""
        for index, episode in enumerate(episodes):
            if not self._draws:
                return
            try:
                frames = episode_frames(self.body, library, episode)
            except RenderError as error:
                self._draws = False
                self.console.print(f"no pictures for the dashboard: {error}", style="yellow", markup=False)
                return
            self.log.log_video(f"eval/clip_{index}", frames, step, fps=15.0)
