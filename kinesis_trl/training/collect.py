"""One way to collect experience, whether in this process, in worker processes or on Ray actors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensordict import TensorDictBase
from tensordict.nn import TensorDictModuleBase
from torchrl.collectors import BaseCollector, Collector

from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.subject import sized
from kinesis_trl.envs.base import MyoLegsEnv
from kinesis_trl.envs.imitation import inverse_for
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.sources import open_library
from kinesis_trl.reading import read_text
from kinesis_trl.training.config import TrainConfig

_LONGEST_LIST = 1 << 24  # bytes of a list of clips; a thousand names take 30,000
_ENDLESS = 10**15  # Ray's collector takes the usual −1 for "nothing"


class CollectError(RuntimeError):
    """Experience cannot be collected in the way asked for."""


def open_clips(
    config: TrainConfig, body: BodyModel, *, workers: int = 1, on_clip: Callable[[int, int], None] | None = None
) -> MotionLibrary:
    """The motions a run trains on: all of its library, or those its list of clips names.

    `workers` prepare them; `on_clip` is as of `open_library`.

    Raises:
        ClipFormatError: a name that is not in the library, or an empty list.
    """
    inverse = inverse_for(config.env.control)
    library, _ = open_library(config.motions, body, inverse=inverse, workers=workers, on_clip=on_clip)
    if config.clips is None:
        return library
    return select_clips(library, read_clip_list(config.clips), where=str(config.clips))


def read_clip_list(path: Path) -> list[str]:
    """Names of clips from a text file, one a line; blank lines and lines starting with # do not count."""
    try:
        lines = read_text(path, most=_LONGEST_LIST).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ClipFormatError(f"{path} is no list of clips ({error}); make one with kinesis mine.") from error
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not names:
        raise ClipFormatError(f"{path} names no clip: nothing is left to train on.")
    return names


def select_clips(library: MotionLibrary, names: list[str], *, where: str) -> MotionLibrary:
    """The clips of a library with the given names, in that order."""
    index = {clip.name: i for i, clip in enumerate(library.clips)}
    unknown = [name for name in names if name not in index]
    if unknown:
        raise ClipFormatError(
            f"{where} names {len(unknown)} clips that are not in the motions (first: {unknown[0]!r}); "
            "give the motions they were mined from."
        )
    return library.subset([index[name] for name in names])


_STATURES = (1.5, 1.95)
"""Metres of bodies in random sizes."""


def body_of(config: TrainConfig, worker: int | None = None) -> str:
    """Name of the body, or of one worker's, in the size that it has."""
    if worker is None or not config.collect.sizes:
        return config.body
    size = config.collect.sizes[worker % len(config.collect.sizes)]
    if size == "random":
        rng = np.random.default_rng([config.seed, worker])
        size = f"height={rng.uniform(*_STATURES):.2f}"
    return sized(config.body, size)


def make_env(config: TrainConfig, worker: int | None = None) -> MyoLegsEnv:
    """The training environment, or one worker's share of it; workers draw from seeds of their own."""
    body = load_body(body_of(config, worker))
    settings = config.env
    if worker is None:
        settings = replace(settings, seed=config.seed)
    else:
        share = settings.num_envs // config.collect.workers
        physics = replace(settings.physics, threads=config.collect.worker_threads)
        settings = replace(settings, num_envs=share, seed=config.seed + 1000 * (worker + 1), physics=physics)
    return settings.make(body, open_clips(config, body) if settings.follows_clips else None)


@dataclass
class Source:
    """Batches of experience, and the way to keep its policy current."""

    collector: BaseCollector
    env: MyoLegsEnv | None
    """The environment, where it lives in this process."""
    close: Callable[[], None]

    def update_policy(self, policy: TensorDictModuleBase) -> None:
        """Hand new weights to workers; nothing to do in this process."""
        if self.env is None:
            self.collector.update_policy_weights_(policy)


def make_source(
    config: TrainConfig, policy: TensorDictModuleBase, device: torch.device, env: MyoLegsEnv | None
) -> Source:
    """Start collecting batches (N, T), or (W, N/W, T) from workers.

    Args:
        config: the run.
        policy: acts and stays the trainer's own; its weights are shared with workers.
        device: where the networks run.
        env: the environment for collection in this process, None for workers and Ray.

    Raises:
        CollectError: Ray was asked for and is not installed.
    """
    frames = config.env.num_envs * config.collect.horizon
    devices: dict[str, Any] = {"policy_device": device, "env_device": "cpu", "storing_device": device}
    common: dict[str, Any] = {"frames_per_batch": frames, "total_frames": _ENDLESS}
    if config.collect.mode == "in-process":
        assert env is not None
        collector = Collector(
            env, policy, **common, **devices, track_traj_ids=False, auto_register_policy_transforms=False
        )
        return Source(collector, env, collector.shutdown)
    makers = [partial(make_env, config, worker) for worker in range(config.collect.workers)]
    if config.collect.mode == "workers":
        collector = Collector(
            makers,
            policy,
            num_collectors=len(makers),
            sync=True,
            cat_results="stack",
            auto_register_policy_transforms=False,
            **common,
            **devices,
        )
        collector.set_seed(config.seed)
        return Source(collector, None, collector.shutdown)
    return _ray_source(config, policy, makers, common)


def _ray_source(
    config: TrainConfig,
    policy: TensorDictModuleBase,
    makers: Sequence[Callable[[], MyoLegsEnv]],
    common: dict[str, Any],
) -> Source:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415  an optional extra
    except ImportError as error:
        raise CollectError("--collect.mode ray needs Ray: pip install 'kinesis_trl[ray]'.") from error
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}})
    collector = Collector(
        makers,
        policy,
        backend="ray",
        num_collectors=len(makers),
        sync=True,
        backend_options={
            "collector_class": Collector,
            "remote_configs": {"num_cpus": config.collect.worker_threads, "num_gpus": 0, "memory": 512 << 20},
            "collector_kwargs": {
                "device": "cpu",
                "storing_device": "cpu",
                "auto_register_policy_transforms": False,
            },
        },
        **common,
    )

    collector.update_policy_weights_(policy)

    def close() -> None:
        collector.shutdown()
        if started:
            ray.shutdown()

    return Source(collector, None, close)


def flatten(batch: TensorDictBase) -> TensorDictBase:
    """Batches of workers side by side: (W, N, T) → (W·N, T)."""
    return batch.flatten(0, -2) if batch.ndim > 2 else batch
