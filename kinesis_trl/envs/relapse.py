"""Episodes that begin where others were about to be lost: what to do there is learnt from being there often.

A body that falls is on its way until a third of a second before. A start on the reference, however shortly before that
moment, seldom leads into such a state again; a start in the state itself does (compare the archive of states of
Ecoffet et al. 2021, Nature 590).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.envs.config import RelapseConfig

Array = NDArray[np.float64]

PARTS = {"relapse_recent": "recent", "relapse_kept": "kept", "relapse_counters": "counters"}
"""What an environment's state calls the memory of lost states; it belongs to no body in particular."""


class Relapse:
    """The last states of N bodies, and those that led to a loss. A state is a tuple of arrays, whatever the task needs.

    Attributes:
        recent: (longest + 1, N, S) states after the last policy steps, a ring.
        kept: (memory, S) states from which episodes were lost, a ring too.
        counters: (2,) states written so far to each, int64.
    """

    def __init__(self, count: int, widths: tuple[int, ...], config: RelapseConfig) -> None:
        """For `count` bodies; `widths` of the parts of a state. Takes no memory where `config.share` is 0."""
        self.config = config
        self._cuts = np.cumsum(widths)
        used = config.share > 0
        self.recent = np.zeros((config.longest + 1 if used else 0, count, self._cuts[-1]))
        self.kept = np.zeros((config.memory if used else 0, self._cuts[-1]))
        self.counters = np.zeros(2, dtype=np.int64)

    def note(
        self, state: Sequence[Array], steps: NDArray[np.int64], lost: NDArray[np.bool_], rng: np.random.Generator
    ) -> None:
        """Remember the states after a policy step, and where lost bodies came from.

        An episode that was shorter than the time to go back leaves nothing: what it began in may have been beyond help.

        Args:
            state: parts (N,) or (N, ·) of the states now.
            steps: (N,) policy steps of each episode so far.
            lost: (N,) whether it failed in this one.
            rng: draws how far to go back.
        """
        if not self.config.share:
            return
        now, size = int(self.counters[0]), len(self.recent)
        self.recent[now % size] = np.concatenate([part.reshape(len(steps), -1) for part in state], axis=1)
        rows = np.flatnonzero(lost)
        back = rng.integers(self.config.shortest, self.config.longest + 1, len(rows))
        known = back < np.minimum(steps[rows], now + 1)
        rows, back = rows[known], back[known]
        place = (int(self.counters[1]) + np.arange(len(rows))) % len(self.kept)
        self.kept[place] = self.recent[(now - back) % size, rows]
        self.counters += (1, len(rows))

    def draw(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], list[Array]]:
        """Which of `count` starts are such states, (K,), and the parts (K, ·) of these."""
        filled = min(int(self.counters[1]), len(self.kept))
        if not filled:
            return np.zeros(0, dtype=np.int64), np.split(np.zeros((0, self._cuts[-1])), self._cuts[:-1], axis=1)
        chosen = np.flatnonzero(rng.random(count) < self.config.share)
        states = self.kept[rng.integers(filled, size=len(chosen))]
        return chosen, np.split(states, self._cuts[:-1], axis=1)

    def get_state(self) -> dict[str, NDArray[Any]]:
        """What an environment's state holds of it; copies. Nothing where `config.share` is 0."""
        return {key: getattr(self, name).copy() for key, name in PARTS.items() if self.config.share}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `get_state` returned, from among other things."""
        for key, name in PARTS.items():
            if self.config.share:
                getattr(self, name)[:] = np.asarray(state[key])
