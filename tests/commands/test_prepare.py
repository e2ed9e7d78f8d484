"""The prepare command: good files go through, bad ones are named, nothing foreign is overwritten."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.body.model import BodyModel
from kinesis_trl.commands.eval import evaluate
from kinesis_trl.commands.prepare import PrepareConfig, Prepared, main, prepare
from kinesis_trl.commands.tasks import imitation
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.planning.optimise import OptimisationConfig
from kinesis_trl.planning.search import SearchConfig

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path, march: MotionClip) -> Path:
    """A folder with two good clips and two bad files."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    assert march.qpos is not None
    np.savez(folder / "march.npz", qpos=march.qpos, fps=30.0)
    np.savez(folder / "deep" / "short.npz", qpos=march.qpos[:20:2], fps=15.0)
    (folder / "cut.bvh").write_text("HIERARCHY\nROOT Hips\n{\n  OFFSET 0 0")
    bad = march.qpos.copy()
    bad[7, 3] = np.nan
    np.savez(folder / "gap.npz", qpos=bad, fps=30.0)
    return folder


def run(config: PrepareConfig) -> Prepared:
    return prepare(config, Console(file=io.StringIO()))


def test_good_files_go_through_and_bad_ones_are_named(files: Path, body: BodyModel, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(PrepareConfig(paths=(str(files), str(tmp_path / "none*.bvh")), out=out, workers=1))
    reasons = {Path(name).name: reason for name, reason in result.refused}
    assert set(reasons) == {"cut.bvh", "gap.npz", "none*.bvh"}
    assert "finite" in reasons["gap.npz"] and "no motion file" in reasons["none*.bvh"]
    library = MotionLibrary.load(out, body)
    assert [c.name for c in library.clips] == ["short", "march"]
    assert [c.frames for c in library.clips] == [19, 61]
    quality = json.loads((out / "quality.json").read_text())
    assert [q["name"] for q in quality] == ["short", "march"]
    assert (out / "quality.png").stat().st_size > 1000


def test_worker_processes_give_the_same_library(files: Path, body: BodyModel, tmp_path: Path) -> None:
    paths = (str(files),)
    run(PrepareConfig(paths=paths, out=tmp_path / "one", workers=1, inverse=True))
    result = run(PrepareConfig(paths=paths, out=tmp_path / "two", workers=2, inverse=True))
    assert {Path(name).name for name, _ in result.refused} == {"cut.bvh", "gap.npz"}
    one, two = (MotionLibrary.load(tmp_path / n, body) for n in ("one", "two"))
    assert [c.name for c in one.clips] == [c.name for c in two.clips]
    assert (one.qpos == two.qpos).all()
    for name, solved in one.inverse.items():
        np.testing.assert_array_equal(solved, two.inverse[name])
    assert "target_length" in one.inverse


def test_a_key_list_chooses_and_orders(files: Path, body: BodyModel, tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("march\nshort\nabsent\n")
    out = tmp_path / "out"
    run(PrepareConfig(paths=(str(files),), out=out, keys=tmp_path / "keys.txt", workers=1))
    assert [c.name for c in MotionLibrary.load(out, body).clips] == ["march", "short"]


def test_options_reach_the_readers(march: MotionClip, body: BodyModel, tmp_path: Path) -> None:
    assert march.qpos is not None
    np.save(tmp_path / "bare.npy", march.qpos)
    config = PrepareConfig(paths=(str(tmp_path / "bare.npy"),), out=tmp_path / "out", fps=60.0, workers=1, accept=True)
    run(config)
    assert MotionLibrary.load(tmp_path / "out", body).clips[0].frames == 31


def test_an_older_library_is_replaced_but_nothing_else(files: Path, body: BodyModel, tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = PrepareConfig(paths=(str(files / "march.npz"),), out=out, workers=1)
    run(config)
    run(config)
    assert len(MotionLibrary.load(out, body)) == 1
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    with pytest.raises(ClipFormatError, match="something else"):
        run(PrepareConfig(paths=(str(files),), out=home, workers=1))
    assert (home / "thesis.txt").read_text() == "years of work"


def test_nothing_usable_is_an_error_and_writes_nothing(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(
        sys, "argv", ["prepare", str(files / "cut.bvh"), str(files / "gap.npz"), "--out", str(out), "--workers", "1"]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert not out.exists()
    said = capsys.readouterr().out
    assert "2 refused" in said and "nothing was written" in said


def test_the_command_prints_its_tables(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["prepare", str(files), "--out", str(tmp_path / "out"), "--workers", "1"]
    monkeypatch.setattr(sys, "argv", arguments)
    main()
    said = capsys.readouterr().out
    assert "2 clips prepared" in said and "2 refused" in said and "march" in said


def test_varied_copies_stand_behind_the_clips_and_depend_on_the_seed(
    files: Path, body: BodyModel, tmp_path: Path
) -> None:
    def names(seed: int) -> list[str]:
        out = tmp_path / str(seed)
        run(PrepareConfig(paths=(str(files),), out=out, workers=1, variations=2, seed=seed))
        return [clip.name for clip in MotionLibrary.load(out, body).clips]

    first, other = names(0), names(1)
    assert first[:2] == other[:2] == ["short", "march"] and len(first) == len(other) == 6
    assert all("~" in name for name in first[2:])
    assert first != other


def test_walks_are_led_along_other_paths_and_nothing_else_is(body: BodyModel, tmp_path: Path) -> None:
    for name, sentence in (("ahead", "walk forward for 2 meters"), ("back", "walk backward for 1 meter")):
        clip = text_to_clip(sentence, body)
        assert clip.qpos is not None
        np.savez(tmp_path / f"{name}.npz", qpos=clip.qpos, fps=30.0)
    paths = tuple(str(tmp_path / f"{name}.npz") for name in ("ahead", "back"))
    run(PrepareConfig(paths=paths, out=tmp_path / "out", workers=1, bends=2))
    clips = MotionLibrary.load(tmp_path / "out", body).clips
    assert [clip.name.split("~")[0] for clip in clips] == ["ahead", "back", "ahead", "ahead"]
    assert all(clip.category.split()[0] in ("circle", "turn") for clip in clips[2:])


@pytest.mark.parametrize("name", ["variations", "bends", "workers"])
def test_negative_numbers_of_copies_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative"):
        PrepareConfig(paths=("walk.bvh",), out=Path("out"), **{name: -1})


def test_optimised_clips_are_followed_by_eval_as_they_are(
    body: BodyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = text_to_clip("walk forward", body)
    assert walk.qpos is not None
    np.savez(tmp_path / "walk.npz", qpos=walk.qpos[20:36], fps=30.0)
    small = SearchConfig(bodies=6, clips=1)
    monkeypatch.setattr(OptimisationConfig, "rounds", lambda self: (small,))
    result = run(PrepareConfig(paths=(str(tmp_path / "walk.npz"),), out=tmp_path / "out", optimise=True, workers=1))
    assert result.lost == []
    assert (tmp_path / "out" / "quality.md").is_file()
    library = MotionLibrary.load(tmp_path / "out", body)
    assert library.feedback is not None and library.feedback.any()
    console = Console(file=io.StringIO())
    report = evaluate(imitation.Options(motions=str(tmp_path / "out"), threads=1), console)
    named = evaluate(imitation.Options(motions=str(tmp_path / "out"), policy="regulator", threads=1), console)
    assert report["clips"] == named["clips"]
    assert report["summary"]["kinesis"]["success"]["mean"] == 1.0
    with pytest.raises(ValueError, match="the regulator corrects joints"):
        evaluate(imitation.Options(motions=str(tmp_path / "out"), policy="regulator", control="pd"), console)
