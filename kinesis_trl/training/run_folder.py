"""The folder of a run: one process at a time, one config, nothing left of killed ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from kinesis_trl.agents.checkpoint import WEIGHTS
from kinesis_trl.atomic import sweep, write_text
from kinesis_trl.settings import read_settings, to_yaml
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.run_log import METRICS

CONFIG = "config.yaml"
POLICY = "policy"
"""Folder of the newest weights within the run's folder, in the format `kinesis_trl.eval` reads."""
CHECKPOINTS = "checkpoints"
_LOCK = ".lock"


def hold(folder: Path) -> BaseFileLock:
    """Take a folder for this process alone, and remove what killed ones were writing in it.

    The system frees it when the process dies, however that happens; `release` frees it earlier.

    Raises:
        RunError: another process holds it, it cannot be written to, or what a run writes is a link to elsewhere.
    """
    for name in (_LOCK, CONFIG, METRICS, POLICY, CHECKPOINTS):
        if (folder / name).is_symlink():  # a folder from elsewhere could let us write anywhere
            raise RunError(f"{folder / name} is a symbolic link; put what it points to in its place.")
    lock = FileLock(folder / _LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError(
            f"{folder} is being trained in by another process; wait for it or stop it, or give this run another --name."
        ) from error
    except OSError as error:
        raise RunError(f"{folder} cannot be written to ({error}); choose another place with --runs.") from error
    for place in (folder, folder / POLICY, folder / CHECKPOINTS):
        sweep(place)
    return lock


def claim(config: TrainConfig) -> None:
    """Write the run's config into its folder, or check that the one there is the same.

    Raises:
        RunError: the folder holds a run with other settings, or cannot be written to.
        SettingsError: the config there is damaged.
    """
    path = config.folder / CONFIG
    if path.exists():
        there = read_settings(TrainConfig, path)
        changed = replace(there, total_steps=config.total_steps, total_seconds=config.total_seconds)
        changed = replace(changed, tracking=config.tracking, runs=config.runs)
        if changed != config:
            raise RunError(
                f"{config.folder} holds a run with other settings; choose another --name, or go on with "
                f"--config {path}."
            )
    try:
        write_text(path, to_yaml(config))
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error}); free space, or choose another --runs.") from error


def load_run(folder: Path) -> TrainConfig:
    """The config of a run that has a policy.

    Raises:
        RunError: no run there, or one without a policy yet.
        SettingsError: its config is damaged.
    """
    if not (folder / CONFIG).is_file():
        raise RunError(f"{folder} holds no run ({CONFIG} is missing); train one first (kinesis train laptop).")
    config = read_settings(TrainConfig, folder / CONFIG)
    if not (folder / POLICY / WEIGHTS).is_file():
        raise RunError(f"{folder} holds no policy yet; let its training reach a checkpoint first.")
    return config
