"""A run small enough for tests."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from kinesis_trl.agents.critic import CriticConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.mixture import MixtureConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.training.config import CollectConfig, EvaluationConfig, PPOConfig, TrainConfig
from kinesis_trl.training.run_log import TrackingConfig

NETWORK = NetworkConfig(hidden=(24, 16))


@pytest.fixture(scope="session")
def motions(library, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("motions") / "march"
    library.save(folder)
    return folder


@pytest.fixture(scope="session")
def empty_repository(tmp_path_factory) -> Path:
    """An Aim repository without runs: a new one takes seconds, a copy none."""
    aim = pytest.importorskip("aim")
    folder = tmp_path_factory.mktemp("aim")
    aim.Repo.from_path(str(folder), init=True)
    return folder


@pytest.fixture
def repository(empty_repository, tmp_path) -> Path:
    """An Aim repository of a test's own, in its folder."""
    shutil.copytree(empty_repository / ".aim", tmp_path / ".aim")
    return tmp_path


@pytest.fixture
def small(motions, tmp_path) -> TrainConfig:
    return TrainConfig(
        name="expert0",
        runs=tmp_path / "runs",
        motions=str(motions),
        env=ImitationConfig(num_envs=4),
        actor=LatticeConfig(network=NETWORK),
        critic=CriticConfig(network=NETWORK),
        mixture=MixtureConfig(gate=NETWORK),
        ppo=PPOConfig(epochs=2, minibatch=16),
        collect=CollectConfig(horizon=8),
        evaluation=EvaluationConfig(every=0, motions=str(motions)),
        tracking=TrackingConfig(aim=False),
        total_steps=96,
        checkpoint_seconds=0.0,
        torch_threads=1,
    )


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture
def change():
    return replace
