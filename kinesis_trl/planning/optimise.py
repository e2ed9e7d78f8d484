"""All clips of a library optimised: searched, made references, and given feedback."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.agents.critic import Critic
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.transfer import transfer
from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.control.config import FeedforwardConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import cache_folder
from kinesis_trl.planning.config import OptimisationConfig
from kinesis_trl.planning.controllers import Player
from kinesis_trl.planning.references import Task, run_tasks
from kinesis_trl.planning.search import Found, search
from kinesis_trl.planning.store import FoundStore, ReferenceStore

Progress = Callable[[str, int, str], AbstractContextManager[Callable[[int], None]]]
"""Shows work: its name, how much of what there is, called with how much more is done."""


@contextmanager
def silent(name: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A `Progress` that shows nothing."""
    yield lambda done: None


class TrajectoryOptimiser:
    """Trajectory optimisation of one library by one policy, kept in files beside the library that it will write."""

    def __init__(
        self, body: BodyModel, library: MotionLibrary, policy: Path, player: Player, config: OptimisationConfig
    ) -> None:
        """Check that they fit.

        Args:
            body: the model.
            library: clips with inverse solutions.
            policy: folder of the policy that follows them while they are searched.
            player: the same policy with its environment, in which strength and lesions may be set.
            config: how.

        Raises:
            CheckpointError: a policy without value function, or one that does not correct inverse solutions by joint.
        """
        settings = player.settings
        if player.widths is None and not player.trained_on:
            raise CheckpointError(f"{policy} is no trained policy; one with its value function is needed.")
        if not isinstance(settings.control, FeedforwardConfig):
            raise CheckpointError(
                f"{policy} does not correct inverse solutions joint by joint (control feedforward), "
                "as trajectory optimisation does."
            )
        env = ImitationEnv(body, library, replace(settings, num_envs=1))
        player.policy(env)  # says what does not fit
        loaded = load_checkpoint(policy)
        critic = transfer(loaded, env)[1] if player.trained_on else loaded.critic
        if critic is None:
            raise CheckpointError(f"{policy} has no value function; optimise with a policy that a run has saved.")
        self._critic: Critic = critic.eval()
        self._control = settings.control
        self._body, self._library, self._player, self._config = body, library, player, config
        weights = policy / "policy.safetensors" if policy.is_dir() else policy
        self._key = [
            hashlib.sha256(weights.read_bytes()).hexdigest(),
            hashlib.sha256(library.qpos.numpy().tobytes()).hexdigest(),
            json.dumps(asdict(replace(settings.physics, threads=1)), default=str),
        ]

    def cached(self, *, workers: int = 1, progress: Progress = silent) -> MotionLibrary:
        """The references, from the user's cache where the same clips were optimised before."""
        settings = {"search": asdict(self._config.search), **self._finishing()}
        out = cache_folder() / f"optimised-{_digest([*self._key, json.dumps(settings)])}"
        try:
            return MotionLibrary.load(out, self._body)
        except ClipFormatError:  # not there yet, or damaged
            return self.run(out, workers=workers, progress=progress)[0]

    def run(self, out: Path, *, workers: int = 1, progress: Progress = silent) -> tuple[MotionLibrary, list[Found]]:
        """The references, also written to `out`, and what each clip's search found.

        Clips that were given up stay as they were prepared. After an interruption the same call goes on.
        """
        found, stores = self._search(out, progress)
        key = _digest([*self._key, *(store.folder.name for store in stores), json.dumps(self._finishing())])
        references = ReferenceStore.beside(out, key, self._body)
        library = MotionLibrary.joined(self._make_references(found, references, workers, progress))
        library.save(out)
        for folder in (*(store.folder for store in stores), references.folder):
            shutil.rmtree(folder, ignore_errors=True)
        return library, found

    def _make_references(
        self, found: list[Found], store: ReferenceStore, workers: int, progress: Progress
    ) -> list[MotionLibrary]:
        """A library of each clip, made now or before an interruption."""
        settings = self._player.settings
        parts = {clip: kept for clip in range(len(found)) if (kept := store.load(clip)) is not None}
        left = [clip for clip in range(len(found)) if clip not in parts]
        tasks = [
            Task(
                self._body.name,
                self._library.subset([clip]),
                found[clip],
                self._control,
                replace(settings.physics, threads=1),
                self._config.regulator,
                self._config.refine,
            )
            for clip in left
        ]
        with progress("refining and computing feedback", len(tasks), "clips") as advance:
            for clip, part in zip(left, run_tasks(tasks, workers), strict=True):
                store.save(clip, part)
                parts[clip] = part
                advance(1)
        return [parts[clip] for clip in range(len(found))]

    def _finishing(self) -> dict[str, Any]:
        """What decides what becomes of what was found."""
        return {name: asdict(getattr(self._config, name)) for name in ("refine", "regulator")}

    def _search(self, out: Path, progress: Progress) -> tuple[list[Found], list[FoundStore]]:
        """What was found for each clip, now or before an interruption."""
        found: dict[int, Found] = {}
        stores = []
        frames = self._library.frames
        for config in self._config.rounds():
            left = [clip for clip in range(len(self._library)) if clip not in found or not found[clip].whole]
            if not left:
                break
            key = _digest([*self._key, json.dumps(asdict(config))])
            stores.append(store := FoundStore.beside(out, key))
            before = {clip: kept for clip in left if (kept := store.load(clip)) is not None}
            for clip, result in before.items():
                found[clip] = _better(result, found.get(clip))
            left = [clip for clip in left if clip not in before]
            steps = int((frames[left] - 1).sum()) if left else 0
            with progress(f"searching, {config.bodies} bodies", steps, "frames") as advance:
                for clip, result in search(
                    self._body,
                    self._library,
                    self._player.policy,
                    self._critic,
                    self._player.settings,
                    config,
                    left,
                    on_step=advance,
                ):
                    store.save(clip, result)
                    found[clip] = _better(result, found.get(clip))
        return [found[clip] for clip in range(len(self._library))], stores


def _better(one: Found, other: Found | None) -> Found:
    """The one that reached the end, or went further, or stayed closer."""
    rank = lambda found: (found.whole, 0 if found.whole else len(found.actions), -found.distance.mean())  # noqa: E731
    return one if other is None or rank(one) > rank(other) else other


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
