"""Files from elsewhere that are not motions: each is refused in a line, at once, whatever is in it or in its place."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.catalog import BodyError
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.subject import Subject
from kinesis_trl.commands._options import BodyOptions
from kinesis_trl.commands.optimise import OptimiseConfig, optimise
from kinesis_trl.commands.prepare import PrepareConfig, prepare
from kinesis_trl.commands.results import ResultsConfig
from kinesis_trl.commands.results import run as write_results
from kinesis_trl.evaluation.parity import GoldenError, compare
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.motion.markers.sets import place_markers
from kinesis_trl.motion.markers.trc import read_trc
from kinesis_trl.motion.readers.dispatch import read_confined
from kinesis_trl.motion.readers.splits import read_keys
from kinesis_trl.physiology.activity import _recordings
from kinesis_trl.physiology.emg_data import EmgError, load_emg_csv
from kinesis_trl.physiology.pareto import ReportError, read_point
from kinesis_trl.physiology.recording import Recording, RecordingError
from kinesis_trl.planning.store import FoundStore
from kinesis_trl.settings import SettingsError, read_settings
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.collect import read_clip_list
from kinesis_trl.training.config import TrainConfig
from kinesis_trl.training.metrics_file import read_metrics
from kinesis_trl.training.run_folder import hold
from kinesis_trl.trial.emg import _own_map
from kinesis_trl.trial.tables import read_emg, read_forces
from kinesis_trl.viewer.offer import _described

Read = Callable[[Path], object]


def marker_map(path: Path) -> object:
    return place_markers(["A", "B"], path)


def results(path: Path) -> object:
    return write_results(ResultsConfig(reports=path.parent, page=path.parent / "page.md"), None)  # type: ignore[arg-type]


READERS: dict[str, tuple[str, Read]] = {
    "a marker map": ("map.yaml", marker_map),
    "a map of channels": ("map.yaml", _own_map),
    "markers": ("walk.trc", read_trc),
    "muscle activity": ("walk.anc", read_emg),
    "forces": ("walk.mot", read_forces),
    "clip names": ("keys.txt", read_keys),
    "clips of a run": ("mined.txt", read_clip_list),
    "a run's settings": ("config.yaml", lambda path: read_settings(TrainConfig, path)),
    "a run's figures": ("metrics.jsonl", lambda path: list(read_metrics(path))),
    "a subject": ("me.yaml", lambda path: Subject.read(str(path))),
    "a body": ("body.xml", lambda path: load_body(str(path))),
    "results": ("walk.json", results),
    "reference arrays": ("kinesis_reference.npz", lambda path: compare(path.parent)),
    "a report": ("report.json", lambda path: read_point(path.parent)),
    "a recording": ("recording.npz", Recording.load),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_not_waited_for_and_a_folder_not_read(name: str, tmp_path: Path) -> None:
    file, read = READERS[name]
    os.mkfifo(tmp_path / file)
    with pytest.raises((ValueError, OSError)) as pipe:
        read(tmp_path / file)
    (tmp_path / file).unlink()
    (tmp_path / file).mkdir()
    with pytest.raises((ValueError, OSError)) as folder:
        read(tmp_path / file)
    assert file in str(pipe.value) and file in str(folder.value)


def test_a_device_without_end_is_no_list_of_names() -> None:
    with pytest.raises(ClipFormatError, match="device"):
        read_keys(Path("/dev/zero"))


def test_what_is_only_looked_at_in_passing_costs_nothing(tmp_path: Path) -> None:
    for name in ("policy.json", "report.json", "000000.npz"):
        os.mkfifo(tmp_path / name)
    assert _described(tmp_path) == f"policy at {tmp_path}"
    assert _recordings(tmp_path / "played") == []
    assert FoundStore(tmp_path).load(0) is None


YAML = {
    "a day that is none": "A: 2001-99-99",
    "a number of 6,000 digits": "A: " + "9" * 6000,
    "lists in lists": "[" * 5000,
    "aliases": "A: &a [x, x]\nB: [*a, *a]",
    "a name twice": "A: asis_r\nA: asis_l",
    "a list as a name": "? [1, 2]\n: x",
    "a control character": "A: \x00",
    "a class": "A: !!python/object/apply:os.system [true]",
    "no map": "- A",
    "nothing": "",
}


@pytest.mark.parametrize("what", YAML)
@pytest.mark.parametrize("read", [marker_map, _own_map])
def test_maps_of_a_laboratory(read: Read, what: str, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(YAML[what])
    with pytest.raises(TrialError, match=r"map\.yaml") as refused:
        read(path)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "text", ["height: 1.7\nheight: 1.8", "height: true", "mass: .nan", "thigh: .inf", "foot: -.inf"]
)
def test_sizes_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "me.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"height|mass|thigh|foot"):
        load_body(f"myolegs:{Subject.read(str(path)).text}")


_TRC = (
    "PathFileType\t4\tX\tx.trc\nDataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\n100\t100\t20\t1\tmm\nFrame#\tTime\t"
)


def test_few_bytes_of_markers_ask_for_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "walk.trc"
    path.write_text(_TRC + "\t\t\t".join(f"m{k}" for k in range(9000)) + "\n" + "1\t1\n" * 9000)
    with pytest.raises(TrialError, match="9000 markers"):
        read_trc(path)


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "walk.trc"
    rows = "".join(f"{k + 1}\t{k / 100}\t{'1e400' if k == 3 else 1}\t2\t3\n" for k in range(20))
    path.write_text(f"{_TRC}a\t\t\n\tX1\tY1\tZ1\n{rows}")
    gaps = np.isnan(read_trc(path).position).all(-1)[:, 0]
    assert np.flatnonzero(gaps).tolist() == [3]
    path = tmp_path / "walk.anc"
    path.write_text("Name\tsoleus\nRange\nBits\n" + "nan\t1\n" * 20)
    with pytest.raises(TrialError, match="finite"):
        read_emg(path)


GOOD = {"command": "kinesis eval", "config": {}, "provenance": {}, "verdict": "all of it", "seconds": 3}


@pytest.mark.parametrize(
    "change",
    [{"command": None}, {"config": "x"}, {"provenance": []}, {"verdict": [1]}, {"seconds": "x"}, {"seconds": [1]}],
)
def test_results_of_other_kinds_are_refused(change: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "walk.json").write_text(json.dumps(GOOD | change))
    with pytest.raises(ValueError, match=next(iter(change))):
        results(tmp_path / "walk.json")
    assert not (tmp_path / "page.md").exists()


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk", b"\x93NUMPY", b"PK\x05\x06" + bytes(18)])
def test_damaged_reference_arrays(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "kinesis_reference.npz").write_bytes(content)
    with pytest.raises(GoldenError, match=r"kinesis_reference\.npz"):
        compare(tmp_path)


@pytest.mark.parametrize("content", ['{"config": []}', '{"config": 3, "summary": []}', "[" * 100_000, "3"])
def test_reports_of_other_kinds_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"format": "kinesis_trl physiology report", "version": 1, "config": []}')
    (tmp_path / "eval.json").write_text(content)
    with pytest.raises(ReportError):
        read_point(tmp_path)


@pytest.mark.parametrize("about", ["[" * 100_000, "[1]", "null", "{", '{"format": "kinesis_trl recording"}'])
def test_recordings_that_tell_nothing(about: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "recording.npz", about=np.array(about))
    with pytest.raises(RecordingError):
        Recording.load(tmp_path / "recording.npz")


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"policy": {"kind": "x"}, "notes": {"step": 1e999}}', "[]", '{"policy": null}']
)
def test_a_policy_s_own_words_do_not_end_the_viewer(content: str, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(content)
    assert _described(tmp_path) == f"policy at {tmp_path}"


def test_a_policy_s_own_words_move_no_cursor(tmp_path: Path) -> None:
    notes = {"step": 3, "control": "\x1b[2J\ud800"}
    (tmp_path / "policy.json").write_text(json.dumps({"policy": {"kind": "x"}, "notes": notes, "action_width": 3}))
    assert _described(tmp_path).isprintable()


@pytest.mark.parametrize("element", ["replicate count='99999999'", "composite type='grid' count='999 999 999'"])
def test_a_body_of_any_size_in_a_few_bytes_is_refused(element: str, tmp_path: Path) -> None:
    inner = f"<mujoco><worldbody><{element}/></worldbody></mujoco>"
    (tmp_path / "inner.xml").write_text(inner)
    (tmp_path / "outer.xml").write_text('<mujoco><include file="inner.xml"/></mujoco>')
    for name in ("inner.xml", "outer.xml"):
        with pytest.raises(BodyError, match=element.split(maxsplit=1)[0]):
            load_body(str(tmp_path / name))


@pytest.mark.parametrize("file", ["/dev/zero", "body.xml", "missing.xml"])
def test_a_body_that_includes_what_never_ends(file: str, tmp_path: Path) -> None:
    (tmp_path / "body.xml").write_text(f'<mujoco><include file="{file}"/></mujoco>')
    with pytest.raises(BodyError):
        load_body(str(tmp_path / "body.xml"))


@pytest.mark.parametrize("name", [".lock", "config.yaml", "metrics.jsonl", "policy", "checkpoints"])
def test_a_run_folder_lets_nothing_be_written_elsewhere(name: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "thesis"
    elsewhere.write_text("years of work")
    run = tmp_path / "run"
    run.mkdir()
    (run / name).symlink_to(elsewhere)
    with pytest.raises(RunError, match="symbolic link"):
        hold(run)
    assert elsewhere.read_text() == "years of work"


@pytest.mark.parametrize("damage", ["a pipe", "nothing", "half", "a link to a device", "missing"])
def test_a_half_copied_library_is_refused(damage: str, library: MotionLibrary, body: BodyModel, tmp_path: Path) -> None:
    library.save(tmp_path / "copy")
    track = tmp_path / "copy" / "track.npy"
    content = track.read_bytes()
    track.unlink()
    if damage == "a pipe":
        os.mkfifo(track)
    elif damage == "a link to a device":
        track.symlink_to("/dev/zero")
    elif damage != "missing":
        track.write_bytes(content[: len(content) // 2 if damage == "half" else 0])
    with pytest.raises(ClipFormatError, match=r"track\.npy"):
        MotionLibrary.load(tmp_path / "copy", body)


def test_a_folder_of_something_else_is_refused_before_hours_of_work(
    march: MotionClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BodyOptions, "load_body", lambda self: pytest.fail("work has begun"))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    for start in (
        lambda out: optimise(OptimiseConfig(out=out), None),  # type: ignore[arg-type]
        lambda out: prepare(PrepareConfig(paths=("a",), out=out), None),  # type: ignore[arg-type]
    ):
        with pytest.raises(ClipFormatError, match="new folder"):
            start(tmp_path / "thesis")
        with pytest.raises(OSError):
            start(tmp_path / "thesis" / "chapter.tex" / "motions")


NAMES = [b"walk\xff", "läuft 走る 🏃".encode(), "\u202eltr".encode(), b"new\nline", b"-rf", b"a\x1b[2J", b"x" * 200]


def test_names_of_any_letters_are_kept_or_shown_safely(body: BodyModel, march: MotionClip, tmp_path: Path) -> None:
    from kinesis_trl.commands.prepare import main

    folder = tmp_path / "走る"
    folder.mkdir()
    assert march.qpos is not None
    for name in NAMES:
        with open(os.path.join(os.fsencode(folder), name + b".npz"), "wb") as file:
            np.savez(file, qpos=march.qpos[:8], fps=30.0)
    with suppress(SystemExit):
        main([str(folder), "--out", str(tmp_path / "öut"), "--accept", "--workers", "1"])
    found = MotionLibrary.load(tmp_path / "öut", body)
    assert len(found) == len(NAMES) and all(clip.name.isprintable() for clip in found.clips)
    assert "läuft 走る 🏃" in {clip.name for clip in found.clips}


def test_settings_that_name_a_field_twice_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 1\nseed: 2\n")
    with pytest.raises(SettingsError, match="'seed' is given twice"):
        read_settings(TrainConfig, tmp_path / "config.yaml")


@pytest.mark.parametrize("kind", [ClipFormatError, CheckpointError, SettingsError, EmgError, BodyError, TrialError])
def test_what_a_message_quotes_moves_no_cursor(kind: type[ValueError]) -> None:
    assert (
        str(kind("a\x1b[2J\x7f\ud800\nb")) == "a\N{REPLACEMENT CHARACTER}[2J" + 2 * "\N{REPLACEMENT CHARACTER}" + "\nb"
    )


@pytest.mark.parametrize("name", ["quadratic.pkl", "tuplehash.pkl"])
def test_pickles_that_were_reported_to_hang(name: str, shared: Path) -> None:
    started = time.process_time()
    with pytest.raises(ClipFormatError, match=name):
        read_confined(shared / "fail" / "pickle-bombs" / name)
    assert time.process_time() - started < 1.0


def test_a_library_that_was_reported_to_end_the_process(shared: Path, body: BodyModel) -> None:
    with pytest.raises(ClipFormatError, match=r"qpos\.npy is damaged"):
        MotionLibrary.load(shared / "fail" / "library-sigfpe", body)


def test_a_stray_quote_that_was_reported(shared: Path) -> None:
    with pytest.raises(EmgError, match=r"268\.csv, line \d+, column \d+"):
        load_emg_csv(shared / "fail" / "emg-csv" / "268.csv")
