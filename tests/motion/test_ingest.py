"""The way of motion files into a library: one bad thing is left out with its reason, the rest goes on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion import solving
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.ingest import IngestConfig, ingest, library_of
from kinesis_trl.motion.solving import SolveConfig


def test_bad_files_of_every_kind_cost_only_themselves(tmp_path: Path, march: MotionClip, body: BodyModel) -> None:
    assert march.qpos is not None
    np.savez(tmp_path / "b_march.npz", qpos=march.qpos, fps=30.0)
    nested = b"N" + b"2\x86" * 40
    (tmp_path / "a_bomb.pkl").write_bytes(b"\x80\x04}" + nested + b"Ns.")
    (tmp_path / "wide.mot").write_text("x\nendheader\ntime\ta\n" + "0 " * 32_000 + "\n")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    np.savez(tmp_path / "far.npz", qpos=march.qpos * 1e300, fps=30.0)
    np.savez(tmp_path / "slow.npz", qpos=np.tile(march.qpos, (400, 1)), fps=1.0)
    huge = march.qpos.copy()
    huge[:, 0] = np.linspace(0, 1e7, len(huge))
    np.savez(tmp_path / "huge.npz", qpos=huge, fps=30.0)
    os.mkfifo(tmp_path / "pipe.bvh")
    steps: list[tuple[int, int]] = []
    found = ingest([tmp_path, tmp_path / "pipe.bvh"], body, on_part=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (8, 8)
    names = [clip.name for clip, _ in found.clips]
    assert "b_march" in names
    refused = {Path(item.name.split(" ")[0]).name: item.reason for item in found.refused}
    assert {"a_bomb.pkl", "wide.mot", "deep.json", "slow.npz", "pipe.bvh"} <= set(refused)
    assert "key of type tuple" in refused["a_bomb.pkl"] and "32000 columns" in refused["wide.mot"]
    assert "6.8 h" in refused["slow.npz"]
    ((given, reason),) = ingest([str(tmp_path / "*.xyz")], body).refused
    assert given.endswith("*.xyz") and "no motion file there" in reason
    library, left_out = library_of([clip for clip, _ in found.clips if clip.name == "b_march"], body)
    assert len(library) == 1 and left_out == []


def test_options_and_key_lists_reach_the_files(tmp_path: Path, march: MotionClip, body: BodyModel) -> None:
    assert march.qpos is not None
    np.save(tmp_path / "one.npy", march.qpos)
    np.save(tmp_path / "two.npy", march.qpos)
    (tmp_path / "keys.list").write_text("two\n")
    found = ingest([tmp_path], body, IngestConfig(fps=60.0, keys=tmp_path / "keys.list", accept=True))
    assert [(clip.name, clip.frames) for clip, _ in found.clips] == [("two", 31)]
    with pytest.raises(ClipFormatError, match="cannot be read"):
        ingest([tmp_path], body, IngestConfig(keys=tmp_path / "none"))


def test_a_clip_without_a_solution_is_left_out(
    march: MotionClip, body: BodyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert march.qpos is not None
    solve = solving._solve
    calls = iter(("fails", "is not finite", "works"))

    def sometimes(*arguments):
        call = next(calls)
        if call == "fails":
            raise np.linalg.LinAlgError("singular matrix")
        found = solve(*arguments)
        if call == "is not finite":
            found.activation[3, 5] = np.nan
        return found

    monkeypatch.setattr(solving, "_solve", sometimes)
    clips = [march.with_(name=name, qpos=march.qpos[:12]) for name in ("first", "second", "third")]
    library, refused = library_of(clips, body, inverse=SolveConfig())
    assert [clip.name for clip in library.clips] == ["third"] and len(library.qpos) == 12
    assert [item.name for item in refused] == ["first", "second"] and "singular" in refused[0].reason
    monkeypatch.setattr(solving, "_solve", lambda *a: (_ for _ in ()).throw(ValueError("no")))
    with pytest.raises(ClipFormatError, match="no clip"):
        library_of(clips, body, inverse=SolveConfig())
