"""The curriculum: train an expert, keep the clips it fails, train the next one on those, then a gate over all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from kinesis_trl.atomic import write_text
from kinesis_trl.progress import counting
from kinesis_trl.reading import read_text
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.collect import read_clip_list
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.mining import MINED, mine
from kinesis_trl.training.run_folder import CONFIG, POLICY, hold
from kinesis_trl.training.run_log import CurriculumRound
from kinesis_trl.training.trainer import Trainer

STATE = "curriculum.json"
MIXTURE = "moe"
_LONGEST = 1 << 20  # bytes of the record; it names a few runs


@dataclass(frozen=True, kw_only=True)
class CurriculumConfig:
    """How many experts, how long, and when to stop."""

    train: TrainConfig = field(default_factory=TrainConfig)
    """Settings of every expert's run; name, clips and starting weights are set by the curriculum."""
    experts: int = 3
    """Most experts."""
    few: int = 5
    """No further expert is trained for this many failed clips or fewer."""
    rule: Literal["kinesis", "strict"] = "kinesis"
    """When a clip counts as failed."""
    gate_steps: int = 2_000_000
    """Policy steps of the gate's training."""

    def __post_init__(self) -> None:
        if self.experts < 1 or self.few < 0 or self.gate_steps < 1:
            raise ValueError("experts and gate_steps must be at least 1, few at least 0.")


def expert_name(index: int) -> str:
    """Name of the run of an expert."""
    return f"expert{index}"


def expert_config(base: TrainConfig, index: int) -> TrainConfig:
    """The run of expert `index`: expert 0 trains anew on all motions, the next ones on what the last one failed.

    Raises:
        RunError: the expert before has not been trained or mined.
    """
    if index < 0:
        raise RunError(f"expert {index}: count from 0.")
    if index == 0:
        return replace(base, name=expert_name(0), clips=None, warm_start=base.warm_start, experts=())
    before = base.runs / expert_name(index - 1)
    train = f"kinesis train laptop --expert {index - 1} --runs {base.runs}"
    for needed, how in ((POLICY, train), (MINED, f"kinesis mine --run {before}")):
        if not (before / needed).exists():
            raise RunError(f"expert {index} starts from {before / needed}, which is not there; {how} makes it.")
    return replace(base, name=expert_name(index), clips=before / MINED, warm_start=before / POLICY, experts=())


def mixture_config(base: TrainConfig, experts: int | None = None) -> TrainConfig:
    """The run of the gate over the first `experts` trained experts, or over all there are.

    Raises:
        RunError: fewer than two experts have been trained.
    """
    paths: list[Path] = []
    while experts is None or len(paths) < experts:
        path = base.runs / expert_name(len(paths)) / POLICY
        if not path.is_dir():
            break
        paths.append(path)
    if len(paths) < 2:
        raise RunError(
            f"{base.runs} holds {len(paths)} trained expert(s), a gate needs two; kinesis train laptop --expert "
            f"{len(paths)} --runs {base.runs} trains one."
        )
    return replace(base, name=MIXTURE, clips=None, warm_start=None, experts=tuple(paths))


def curriculum_round(config: TrainConfig, index: int) -> CurriculumRound:
    """How the tracker links run `index` of a curriculum to the others; the gate comes after the last expert.

    Raises:
        ClipFormatError: the run's list of clips cannot be read.
    """
    folder = str(config.runs)
    if config.experts:
        names = tuple(path.parent.name for path in config.experts)
        return CurriculumRound(curriculum=folder, trains="gate", round=index, experts=names)
    start = config.warm_start.parent if config.warm_start else None
    return CurriculumRound(
        curriculum=folder,
        trains="expert",
        round=index,
        expert=index,
        clips=tuple(read_clip_list(config.clips)) if config.clips else None,
        parent_run=start.name if start is not None and (start / CONFIG).is_file() else None,
    )


class CurriculumController:
    """Runs the curriculum step by step; what is done stands on disk, so that a stopped one goes on."""

    def __init__(self, config: CurriculumConfig, console: Console) -> None:
        """Of the curriculum in the runs folder of `config`."""
        self.config, self.console = config, console
        self.path = config.train.runs / STATE
        self.state: dict[str, Any] = {"done": [], "failed": {}}

    def run(self) -> bool:
        """Go on until the gate is trained; False when a run was stopped before its end.

        Raises:
            RunError: another process runs a curriculum in the folder, or its record is damaged.
        """
        lock = hold(self.config.train.runs)
        try:
            self.state = self._read()
            return self._run()
        finally:
            lock.release()

    def _run(self) -> bool:
        trained = 0
        for index in range(self.config.experts):
            if not self._train(expert_config(self.config.train, index), index):
                return False
            trained += 1
            failed = self._mine(index)
            if failed <= self.config.few:
                self.console.print(f"{failed} clips left, few enough: no further expert")
                break
        if trained < 2:
            self.console.print("one expert suffices; there is nothing to mix")
            return True
        gate = replace(mixture_config(self.config.train, trained), total_steps=self.config.gate_steps)
        return self._train(gate, trained)

    def _read(self) -> dict[str, Any]:
        """What is done so far."""
        if not self.path.is_file():
            return {"done": [], "failed": {}}
        try:
            state = json.loads(read_text(self.path, most=_LONGEST))
            if not isinstance(state["done"], list) or not all(type(n) is int for n in state["failed"].values()):
                raise ValueError("done is no list, or failed no table of numbers")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RunError(f"{self.path} is damaged ({error}); remove it, finished runs are kept.") from error
        return dict(state)

    def _train(self, config: TrainConfig, index: int) -> bool:
        if config.name in self.state["done"]:
            return True
        trainer = Trainer(config, self.console, curriculum=curriculum_round(config, index))
        trainer.run()
        if trainer.done() < 1.0:
            return False
        self._record(done=[*self.state["done"], config.name])
        return True

    def _mine(self, index: int) -> int:
        name = expert_name(index)
        if name not in self.state["failed"]:
            with counting(self.console, f"mining {name}", "frames") as on_step:
                threads = self.config.train.env.physics.threads
                mined = mine(self.config.train.runs / name, rule=self.config.rule, threads=threads, on_step=on_step)
            self._record(failed={**self.state["failed"], name: len(mined.failed)})
            self.console.print(f"{name} fails {len(mined.failed)} of {len(mined.report['clips'])} clips")
        return int(self.state["failed"][name])

    def _record(self, **changes: Any) -> None:
        self.state |= changes
        write_text(self.path, json.dumps(self.state, indent=1))
