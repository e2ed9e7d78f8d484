"""What is on offer: clips, goals, commands and sentences, and policies that carry them out."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinesis_trl.agents.baselines import BASELINES
from kinesis_trl.body.fatigue import FatigueConfig
from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.goal_config import BallConfig, PointGoalConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
from kinesis_trl.envs.live import LiveEnv
from kinesis_trl.envs.terms.terminations import KINESIS
from kinesis_trl.failures import printable
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.gait.paths import paths_to
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.sources import as_clip, open_library
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.planning.controllers import Player, make_player
from kinesis_trl.reading import read_text
from kinesis_trl.viewer.session import Choice
from kinesis_trl.viewer.simulations import ClipSimulation, CommandedSimulation, GoalRules, GoalSimulation, Simulation

SAMPLES = 12
"""Samples of the planner where the command names no other number."""
_BASELINES = {
    "zero": "baseline: acts 0 at every step",
    "random": "baseline: acts at random",
    "reference": "baseline: asks for the muscle lengths of the reference, without feedback",
    "regulator": "feedback computed beforehand; for optimised motions only",
}


class Offer:
    """Everything a session can choose from.

    Attributes:
        clips: names of the clips for imitation.
        policies: where each policy lies, by name; baselines have no place.
        descriptions: what each policy is, in one line, by name.
    """

    def __init__(
        self,
        body: BodyModel,
        motions: str,
        policies: Mapping[str, Path] | None = None,
        *,
        threads: int = 1,
        planner: MppiConfig | None = None,
        condition: FatigueConfig | None = None,
        on_clip: Callable[[int, int], None] | None = None,
    ) -> None:
        """Open the motions.

        Args:
            body: the body.
            motions: as of `open_library`; clips without inverse solutions are solved when a policy needs them.
            policies: policy folders or files besides the baselines, by the names to show.
            threads: threads of the simulation, and processes that prepare motions.
            planner: how the planner samples where a choice has one; None: the usual way.
            condition: how muscles tire where a choice says so; None: by MyoSuite's parameters.
            on_clip: called with the clips prepared and those in all while motions are prepared.

        Raises:
            ClipFormatError: nothing usable in `motions`.
        """
        self.body = body
        usual = planner is None or not planner.samples
        self._planner = MppiConfig(samples=SAMPLES) if usual else planner
        self._physics = PhysicsConfig(threads=threads)
        self._condition = condition or FatigueConfig()
        self._library = open_library(motions, body, workers=threads, on_clip=on_clip)[0]
        self._generator = np.random.default_rng(0)
        self._solved: dict[str, MotionLibrary] = {}
        self.clips = tuple(entry.name for entry in self._library.clips)
        self.policies: dict[str, Path | None] = {**(policies or {}), **dict.fromkeys(BASELINES)}
        self.descriptions = {
            name: _BASELINES[name] if path is None else _described(path) for name, path in self.policies.items()
        }

    @property
    def optimised(self) -> bool:
        """Whether the motions come with the regulator's feedback."""
        return self._library.feedback is not None

    def make(self, choice: Choice) -> Simulation:
        """A simulation of a choice.

        Raises:
            ValueError: unknown clip or policy, one that does not fit, a planner about a baseline, a goal that cannot
                be reached in time, or a sentence that means nothing.
        """
        player = self._player(choice)
        if choice.task == "directional":
            env = LiveEnv(self.body, player.settings)
            return CommandedSimulation(env, player.policy(env))
        inverse = inverse_for(player.settings.control)
        if choice.task == "point-goal":
            return self._to_goal(player, choice.goal, PointGoalConfig())
        if choice.task == "ball":
            ball = BallConfig().draw(1, self._generator)[0]
            return self._to_goal(player, (float(ball[0]), float(ball[1])), BallConfig())
        if choice.task == "text":
            clip = text_to_clip(choice.sentence, self.body)
            return self._imitation(player, MotionLibrary.build([clip], self.body, inverse=inverse), 0)
        index = _index(choice.clip, self.clips, "clip")
        if inverse is None or self._library.inverse is not None:
            return self._imitation(player, self._library, index)
        if choice.clip not in self._solved:
            self._solved[choice.clip] = MotionLibrary.build([as_clip(self._library, index)], self.body, inverse=inverse)
        return self._imitation(player, self._solved[choice.clip], 0)

    def _imitation(self, player: Player, library: MotionLibrary, clip: int) -> Simulation:
        env = ImitationEnv(self.body, library, player.settings)
        return ClipSimulation(env, player.policy(env), clip)

    def _to_goal(self, player: Player, goal: tuple[float, float], rules: PointGoalConfig) -> Simulation:
        place = np.array(goal)
        if not np.isfinite(place).all() or np.abs(place).max() > rules.reach:
            raise ValueError(f"a goal at {goal} m; expected up to {rules.reach:g} m ahead or behind, left or right.")
        inverse = InverseConfig() if player.settings.control.needs_inverse else None
        path = paths_to(rules.stand(place[None]), rules.steps / FPS, self.body, inverse=inverse)
        env = ImitationEnv(self.body, path, replace(player.settings, terminations=("clip_over",)))
        return GoalSimulation(env, player.policy(env), place, GoalRules(rules.lowest, rules.near))

    def _player(self, choice: Choice) -> Player:
        name, planner = choice.policy, choice.planner
        _index(name, tuple(self.policies), "policy")
        physics = replace(self._physics, condition=self._condition if choice.fatigue else None)
        settings = ImitationConfig(num_envs=1, start="beginning", random_heading=False, rule=KINESIS, physics=physics)
        path = self.policies[name]
        if planner and path is None:
            raise ValueError(f"the planner needs a trained policy, {name!r} is none; choose another or switch it off.")
        return make_player(str(path or name), self.body, settings, planner=self._planner if planner else None)


def _described(path: Path) -> str:
    """What a policy's own record says of it, in one line."""
    if path.suffix == ".pth":
        return f"weights of the original KINESIS: {path.name}"
    try:
        description = json.loads(read_text(path / "policy.json", most=1 << 20))
        notes = description["notes"]
        network = "mixture of experts" if description["policy"]["kind"] == "mixture" else "one network"
        return printable(
            f"{network}, trained for {int(notes['step']):,} steps, control {notes['control']}, "
            f"{int(description['action_width'])} actions"
        )[:200]
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        return f"policy at {path}"


def _index(name: str, known: Sequence[str], kind: str) -> int:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or list(known[:3])
        raise ValueError(f"no {kind} {name!r} here; did you mean {', '.join(map(repr, close))}?")
    return list(known).index(name)
