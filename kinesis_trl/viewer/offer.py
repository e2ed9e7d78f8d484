"""What can be played: clips, policies and sentences become plays for a session."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from kinesis_trl.agents.baselines import BASELINES
from kinesis_trl.body.model import BodyModel
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
from kinesis_trl.envs.live import LiveEnv
from kinesis_trl.envs.terminations import KINESIS
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import as_clip, open_library
from kinesis_trl.planning.controllers import Player, make_player
from kinesis_trl.planning.mppi import LookaheadConfig
from kinesis_trl.viewer.session import Choice, Simulation
from kinesis_trl.viewer.simulations import ClipSimulation, CommandedSimulation


class Offer:
    """Everything a session can choose from.

    Attributes:
        clips: names of the clips for imitation.
        policies: where each policy lies, by name; baselines have no place.
    """

    def __init__(
        self,
        body: BodyModel,
        motions: str,
        policies: Mapping[str, Path] | None = None,
        *,
        threads: int = 1,
        lookahead: LookaheadConfig | None = None,
    ) -> None:
        """Open the motions.

        Args:
            body: the body.
            motions: as of `open_library`; clips without inverse solutions are solved when a policy needs them.
            policies: policy folders or files besides the baselines, by the names to show.
            threads: threads of the simulation.
            lookahead: how trained policies try out their steps; None: not at all.

        Raises:
            ClipFormatError: nothing usable in `motions`.
        """
        self.body = body
        self._physics, self._lookahead = PhysicsConfig(threads=threads), lookahead
        self._library = open_library(motions, body)[0]
        self._solved: dict[str, MotionLibrary] = {}
        self.clips = tuple(entry.name for entry in self._library.clips)
        self.policies: dict[str, Path | None] = {**(policies or {}), **dict.fromkeys(BASELINES)}

    @property
    def rehearsed(self) -> bool:
        """Whether the motions come with the regulator's feedback."""
        return self._library.feedback is not None

    def make(self, choice: Choice) -> Simulation:
        """A play for a choice.

        Raises:
            ValueError: unknown clip or policy, one that does not fit, or a sentence that means nothing.
        """
        player = self._player(choice.policy)
        if choice.task == "directional":
            env = LiveEnv(self.body, player.settings)
            player.check(env)
            return CommandedSimulation(env, player.policy(env))
        inverse = inverse_for(player.settings.control)
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
        player.check(env)
        return ClipSimulation(env, player.policy(env), clip)

    def _player(self, name: str) -> Player:
        _index(name, tuple(self.policies), "policy")
        settings = ImitationConfig(
            num_envs=1, start="beginning", random_heading=False, rule=KINESIS, physics=self._physics
        )
        path = self.policies[name]
        return make_player(str(path or name), self.body, settings, lookahead=self._lookahead if path else None)


def _index(name: str, known: Sequence[str], kind: str) -> int:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or list(known[:3])
        raise ValueError(f"no {kind} {name!r} here; did you mean {', '.join(map(repr, close))}?")
    return list(known).index(name)
