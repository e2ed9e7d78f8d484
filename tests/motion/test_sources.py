"""Opening motions of any kind by name, with the cache."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.motion import sources
from kinesis_trl.motion import sources as cache_module
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.motion.sources import IngestConfig, cache_folder, open_library


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KINESIS_TRL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def raw(march, tmp_path):
    """A folder with one good qpos file and one that is not a motion."""
    folder = tmp_path / "raw"
    folder.mkdir()
    np.savez(folder / "march.npz", qpos=march.qpos, fps=30.0)
    (folder / "notes.csv").write_text("a,b\n1,two\n")
    return folder


def test_raw_files_are_prepared_once_and_refusals_are_remembered(raw, body, cache, monkeypatch):
    steps = []
    first, refused = open_library(raw, body, on_clip=lambda done, total: steps.append((done, total)))
    assert [c.name for c in first.clips] == ["march"] and steps == [(1, 2), (2, 2)]
    assert [r.name.endswith("notes.csv") for r in refused] == [True]
    monkeypatch.setattr(sources, "ingest", lambda *a, **k: pytest.fail("prepared again"))
    again, refused_again = open_library(raw, body)
    assert again.clips == first.clips and refused_again == refused


def test_changed_files_are_prepared_anew(raw, body, march):
    before, _ = open_library(raw, body)
    np.savez(raw / "march.npz", qpos=march.qpos[:40], fps=30.0)
    after, _ = open_library(raw, body)
    assert after.clips[0].frames == 40 != before.clips[0].frames


def test_a_damaged_cache_is_made_again(raw, body, cache):
    open_library(raw, body)
    (folder,) = [p for p in cache.iterdir() if p.is_dir()]
    (folder / "track.npy").write_bytes(b"")
    library, _ = open_library(raw, body)
    assert len(library.qpos) == 61


def test_an_entry_without_its_index_is_made_again_and_leftovers_go(raw, body, cache, monkeypatch):
    open_library(raw, body)
    (folder,) = [p for p in cache.iterdir() if p.is_dir()]
    (folder / "library.json").unlink()
    killed = cache / f".{folder.name}.01234567.part"
    killed.mkdir()
    (killed / "qpos.npy").write_bytes(b"half")
    library, _ = open_library(raw, body)
    assert len(library.qpos) == 61 and not killed.exists()
    monkeypatch.setattr(sources, "ingest", lambda *a, **k: pytest.fail("prepared again"))
    assert len(open_library(raw, body)[0].qpos) == 61


def test_what_is_kept_is_found_again_only_by_the_same_code_and_options(raw, body, cache, monkeypatch):
    def entries():
        return len([p for p in cache.iterdir() if p.is_dir()])

    open_library(raw, body)
    open_library(raw, body)
    assert entries() == 1
    half, _ = open_library(raw, body, reading=IngestConfig(fps=60.0, accept=True))
    assert entries() == 2 and half.clips[0].frames == 31
    monkeypatch.setattr(cache_module, "code_digest", lambda *rooms: "other code")
    open_library(raw, body)
    assert entries() == 3


def test_the_digest_of_the_code_follows_every_file_that_makes_motions(tmp_path, monkeypatch):
    shutil.copytree(Path(cache_module.__file__).parent, tmp_path / "motion")
    monkeypatch.setattr(cache_module, "_PACKAGE", tmp_path)
    seen = set()
    for change in (None, "retarget/footing.py", "gait/sentences.lark"):
        if change:
            with (tmp_path / "motion" / change).open("a") as file:
                file.write("\n")
        cache_module.code_digest.cache_clear()
        seen.add(cache_module.code_digest("motion"))
    cache_module.code_digest.cache_clear()
    assert len(seen) == 3


def test_without_a_home_the_cache_is_temporary(monkeypatch):
    monkeypatch.delenv("KINESIS_TRL_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    assert cache_folder().parent == Path(tempfile.gettempdir())


def test_an_unwritable_cache_only_costs_time(raw, body, monkeypatch):
    monkeypatch.setenv("KINESIS_TRL_CACHE", "/proc/nowhere")
    assert len(open_library(raw, body)[0]) == 1


def test_prepared_folders_are_opened_as_they_are(library, body, tmp_path):
    library.save(tmp_path / "ready")
    opened, refused = open_library(tmp_path / "ready", body)
    assert opened.clips == library.clips and refused == []


def test_a_prepared_folder_is_solved_when_a_policy_needs_it(march, body, tmp_path, monkeypatch):
    clip = march.with_(qpos=march.qpos[:20], label="marching", category="march")
    MotionLibrary.build([clip], body).save(tmp_path / "plain")
    opened, refused = open_library(tmp_path / "plain", body, inverse=SolveConfig())
    expected = MotionLibrary.build([clip], body, inverse=SolveConfig())
    assert refused == [] and opened.clips == expected.clips and opened.clips[0].label == "marching"
    for name, array in expected.inverse.items():
        assert np.array_equal(opened.inverse[name], array)
    assert (
        np.array_equal(opened.unsolved_qpos, clip.qpos) and MotionLibrary.load(tmp_path / "plain", body).inverse is None
    )
    monkeypatch.setattr(MotionLibrary, "build", lambda *a, **k: pytest.fail("solved again"))
    assert open_library(tmp_path / "plain", body, inverse=SolveConfig())[0].inverse is not None


def test_nothing_usable_is_an_error(raw, body, tmp_path):
    (raw / "march.npz").unlink()
    with pytest.raises(ClipFormatError, match=r"no usable motion.*notes\.csv"):
        open_library(raw, body)
    shutil.rmtree(raw)
    with pytest.raises(ClipFormatError, match=r"no motion file|no such file|no usable motion"):
        open_library(raw, body)


def test_cache_place_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("KINESIS_TRL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "kinesis_trl"


def test_refusals_are_plain_json(raw, body, cache):
    open_library(raw, body)
    (notes,) = cache.glob("*.refused.json")
    assert json.loads(notes.read_text())[0]["reason"]
