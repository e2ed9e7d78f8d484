"""A disk that fills up under a run: no signal ends it, nothing half written stays, and it equals one with room."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from safetensors.torch import load_file

from kinesis_trl.training.trainer import Trainer


def fill(folder: Path) -> Path:
    """Write a file until the disk is full; returns it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while stream.write(bytes(4096)):
                pass
        except OSError:
            pass
    return ballast


def test_a_full_disk_costs_warnings_and_nothing_else(small, small_disk, tmp_path, caplog):
    said = Console(record=True, width=200)
    on_disk = replace(small, runs=small_disk / "runs", total_steps=384)
    roomy = replace(on_disk, runs=tmp_path / "roomy")
    Trainer(roomy, said).run()
    trainer = Trainer(on_disk, said)
    learn, seen = trainer.learner.learn, []

    def filling(batch, progress):
        seen.append(sorted(p.name for p in (on_disk.folder / "checkpoints").glob("*")))
        if len(seen) == 2:
            fill(small_disk)
        if len(seen) == 12:
            (small_disk / "ballast").unlink()
        return learn(batch, progress)

    trainer.learner.learn = filling
    trainer.run()
    first = ["checkpoint-000000000032.safetensors"]
    assert seen == [[]] + 11 * [first]  # the last one stays, and nothing beside it
    assert "could not be written" in said.export_text() and "wait in memory" in caplog.text
    rows = [
        [json.loads(line)["train/reward"] for line in (config.folder / "metrics.jsonl").read_text().splitlines()]
        for config in (roomy, on_disk)
    ]
    assert rows[0] == rows[1] and len(rows[0]) == 12
    one, two = (load_file(config.folder / "policy" / "policy.safetensors") for config in (roomy, on_disk))
    assert all(one[name].equal(two[name]) for name in one)
    assert not [p for p in on_disk.folder.rglob("*") if ".part" in p.name]
