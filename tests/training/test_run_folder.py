"""A run folder from elsewhere runs no code, and what stands in one is read within bounds."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_trl.agents.checkpoint import load_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.settings import SettingsError
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.collect import read_clip_list
from kinesis_trl.training.curriculum import CurriculumConfig, CurriculumController
from kinesis_trl.training.mining import mine
from kinesis_trl.training.run_folder import hold
from kinesis_trl.training.trainer import Trainer


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, sign: Path) -> None:
        self.sign = str(sign)

    def __reduce__(self):
        return os.system, (f"touch {self.sign}",)


def plant(folder: Path, sign: Path) -> None:
    """Pickles under all the names that programs of this field open."""
    bomb = pickle.dumps(Bomb(sign))
    for place in (
        folder,
        folder / "policy",
        folder / "checkpoints",
        folder / "checkpoints" / "checkpoint-000000000001",
    ):
        place.mkdir(parents=True, exist_ok=True)
        for name in ("other.pickle", "data.pkl", "state.pt", "model.pth", "optimizer.bin", "meta.json", "x.joblib"):
            (place / name).write_bytes(bomb)
        np.save(place / "array.npy", np.array([Bomb(sign)], dtype=object), allow_pickle=True)
        torch.save({"policy": Bomb(sign)}, place / "weights.pth")


def test_pickles_in_a_run_folder_run_no_code(small, console, tmp_path):
    sign = tmp_path / "ran"
    brief = replace(small, total_steps=32)
    Trainer(brief, console).run()
    plant(brief.folder, sign)
    resumed = Trainer(replace(brief, total_steps=64), console)
    assert resumed.resumed and resumed.run()["step"] == 64
    Trainer(replace(brief, name="warm", warm_start=brief.folder / "policy"), console).run()
    mine(brief.folder)
    load_policy(brief.folder / "policy")
    for name in ("model.pth", "weights.pth"):
        with pytest.raises(CheckpointError):
            load_policy(brief.folder / "policy" / name)
        with pytest.raises(CheckpointError):
            Trainer(replace(brief, name=name, warm_start=brief.folder / name), console)
    for file in (brief.folder / "checkpoints").glob("*.safetensors"):
        file.unlink()
    with pytest.raises(CheckpointError, match="--warm-start"):
        Trainer(brief, console)
    assert not sign.exists()


def test_a_config_in_a_run_folder_runs_no_code(small, console, tmp_path):
    small.folder.mkdir(parents=True)
    path = small.folder / "config.yaml"
    for text in (f"name: !!python/object/apply:os.system ['touch {tmp_path / 'ran'}']", "[" * 10_000, "a: 1", ""):
        path.write_text(text)
        with pytest.raises(SettingsError):
            Trainer(small, console)
        assert path.read_text() == text
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="no regular file"):
        Trainer(small, console)
    assert not (tmp_path / "ran").exists()


def test_a_folder_is_held_by_one_until_it_is_freed(tmp_path):
    held = hold(tmp_path / "run")
    with pytest.raises(RunError, match="another process"):
        hold(tmp_path / "run")
    held.release()
    hold(tmp_path / "run").release()


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "[]", '{"done": 1, "failed": {}}', '{"done": [], "failed": {"a": "b"}}', ""]
)
def test_a_damaged_record_of_a_curriculum_is_said_in_a_line(small, console, text):
    small.runs.mkdir(parents=True)
    (small.runs / "curriculum.json").write_text(text)
    with pytest.raises(RunError, match="remove it, finished runs are kept"):
        CurriculumController(CurriculumConfig(train=small), console).run()


def test_two_curricula_do_not_run_in_one_folder(small, console):
    held = hold(small.runs)
    with pytest.raises(RunError, match="another process"):
        CurriculumController(CurriculumConfig(train=small), console).run()
    held.release()


def test_a_list_of_clips_that_is_no_list_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "missing"):
        with pytest.raises(ClipFormatError, match="no list of clips"):
            read_clip_list(path)
