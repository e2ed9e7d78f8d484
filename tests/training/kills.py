"""Kill a small curriculum again and again, and see that nothing is lost: python tests/training/kills.py --kills 50

Each start goes on from what the killed one left: training of two experts, mining after each, and the gate. After every
kill all that is on disk must be whole; at the end it must equal, bit for bit, a curriculum that was never killed, and
no file of a killed process may be left.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from safetensors.torch import load_file

from kinesis_trl.agents.critic import CriticConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.mixture import MixtureConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.tensor_file import TensorFile
from kinesis_trl.body.model import load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.training.config import CollectConfig, EvaluationConfig, PPOConfig, TrainConfig
from kinesis_trl.training.curriculum import CurriculumConfig, CurriculumController
from kinesis_trl.training.metrics_file import read_metrics
from kinesis_trl.training.run_log import TrackingConfig

ITERATION = 32  # steps
RUNS = ("expert0", "expert1", "moe")
CLOCK = {"train/steps_per_second", "train/collect_share"}
_fork = multiprocessing.get_context("fork")  # a start costs a second instead of ten


def curriculum(folder: Path, motions: Path, iterations: int) -> CurriculumConfig:
    """Two experts and a gate on three short clips, with a checkpoint after each iteration."""
    network = NetworkConfig(hidden=(24, 16))
    run = TrainConfig(
        runs=folder,
        motions=str(motions),
        env=ImitationConfig(num_envs=4, physics=PhysicsConfig(threads=1)),
        actor=LatticeConfig(network=network),
        critic=CriticConfig(network=network),
        mixture=MixtureConfig(gate=network),
        ppo=PPOConfig(epochs=2, minibatch=16),
        collect=CollectConfig(horizon=8),
        evaluation=EvaluationConfig(every=0),
        tracking=TrackingConfig(aim=False),
        total_steps=ITERATION * iterations,
        checkpoint_seconds=0.0,
        torch_threads=1,
    )
    return CurriculumConfig(train=run, experts=2, few=0, rule="strict", gate_steps=run.total_steps)


def make_motions(folder: Path) -> None:
    """Three marching clips of about half a second."""
    place = importlib.util.spec_from_file_location("made_up", Path(__file__).parents[1] / "conftest.py")
    assert place is not None and place.loader is not None
    made_up = importlib.util.module_from_spec(place)
    place.loader.exec_module(made_up)
    body = load_body()
    clips = [made_up.marching(body, frames=12 + 3 * k, turn=0.3 * k, name=f"clip {k}") for k in range(3)]
    MotionLibrary.build(clips, body).save(folder)


def start(target: Callable[..., Any], *arguments: Any) -> Any:
    process = _fork.Process(target=target, args=arguments)
    process.start()
    return process


def go_on(config: CurriculumConfig) -> None:
    """Run the curriculum from where it is to its end."""
    CurriculumController(config, Console(quiet=True)).run()


def phase(runs: Path) -> str:
    """What a curriculum does next."""
    path = runs / "curriculum.json"
    state = json.loads(path.read_text()) if path.exists() else {"done": [], "failed": {}}
    for name in RUNS:
        if name not in state["done"]:
            return f"train {name}"
        if name != "moe" and name not in state["failed"]:
            return f"mine {name}"
    return "done"


def steps_kept(runs: Path) -> dict[str, int]:
    """Step of the newest checkpoint of each run, after seeing that all that is on disk is whole."""
    kept = {}
    for name in RUNS:
        files = sorted((runs / name / "checkpoints").glob("checkpoint-*.safetensors"))
        for file in files:
            description = TensorFile.open(file).description
            assert load_file(file) and description["step"] == int(file.stem.removeprefix("checkpoint-"))
        kept[name] = int(files[-1].stem.removeprefix("checkpoint-")) if files else 0
        metrics = runs / name / "metrics.jsonl"
        rows = [row["step"] for row in read_metrics(metrics)] if metrics.exists() else []
        assert rows == [ITERATION * (k + 1) for k in range(len(rows))] and len(rows) * ITERATION >= kept[name]
        weights = runs / name / "policy" / "policy.safetensors"
        assert not weights.exists() or load_file(weights)
        mined = runs / name / "mined.txt"
        if mined.exists():
            heading, *names = mined.read_text().splitlines()
            assert int(heading.split()[1]) == len(names)
    return kept


def leftovers(runs: Path) -> list[str]:
    """Files and folders of processes that were killed while they wrote."""
    return [str(path) for path in runs.rglob(".*") if re.search(r"\.(part|old)\b", path.name)]


def outcome(runs: Path) -> dict[str, Any]:
    """All that must not depend on kills."""
    found: dict[str, Any] = {"state": json.loads((runs / "curriculum.json").read_text())}
    for name in RUNS:
        weights = load_file(runs / name / "policy" / "policy.safetensors")
        found[f"{name} weights"] = {key: value.numpy().tobytes() for key, value in weights.items()}
        rows = read_metrics(runs / name / "metrics.jsonl")
        found[f"{name} metrics"] = [{k: v for k, v in row.items() if k not in CLOCK} for row in rows]
        mined = runs / name / "mined.txt"
        found[f"{name} mined"] = mined.read_text() if mined.exists() else None
    return found


def kill_again_and_again(folder: Path, *, kills: int, iterations: int, seed: int) -> Counter[str]:
    """Curricula under kills, one after another, until there were `kills`; returns how many came in which phase."""
    rng = random.Random(seed)
    motions, reference = folder / "motions", folder / "whole"
    start(make_motions, motions).join()
    began = time.monotonic()
    start(go_on, curriculum(reference, motions, iterations)).join()
    whole, seconds = outcome(reference), time.monotonic() - began
    seen: Counter[str] = Counter()
    round_number = 0
    while seen.total() < kills:
        round_number += 1
        runs = folder / f"killed{round_number}"
        config = curriculum(runs, motions, iterations)
        before: dict[str, int] = {}
        while seen.total() < kills and phase(runs) != "done":
            process = start(go_on, config)
            process.join(rng.uniform(0.02, 0.3) * seconds)
            if process.exitcode is None:
                process.kill()
                process.join()
                seen[phase(runs)] += 1
                sys.stderr.write(f"kill {seen.total()} of {kills}, in {phase(runs)}\n")
            else:
                assert process.exitcode == 0, f"ended with {process.exitcode}"
            after = steps_kept(runs)
            assert all(after[name] >= step for name, step in before.items()), f"{before} became {after}"
            before = after
        process = start(go_on, config)
        process.join()
        assert process.exitcode == 0
        assert leftovers(runs) == []
        killed = outcome(runs)
        unequal = [name for name in whole if whole[name] != killed[name]]
        assert not unequal, f"not equal to what was never killed: {unequal}"
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how many")
    parser.add_argument("--iterations", type=int, default=12, help="of each run, 32 steps each")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = kill_again_and_again(
            Path(folder), kills=arguments.kills, iterations=arguments.iterations, seed=arguments.seed
        )
    sys.stdout.write(f"{seen.total()} kills, nothing lost, nothing left over\n")
    for name, count in sorted(seen.items()):
        sys.stdout.write(f"  {name}: {count}\n")


if __name__ == "__main__":
    main()
