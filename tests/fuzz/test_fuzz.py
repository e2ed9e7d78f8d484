"""Mutations of small valid files: whatever comes in, only the expected errors come out, soon and with little memory.

A few inputs of each kind run with the other tests; `make fuzz` runs 100,000. Motion files are read in this process,
without the child process and its limits that stand before them in use, so that these hide nothing.
"""

from __future__ import annotations

import faulthandler
import math
import os
import random
import resource
import shutil
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinesis_trl.agents.checkpoint import load_checkpoint
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.model import BodyModel
from kinesis_trl.failures import printable
from kinesis_trl.motion import confined
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.markers.sets import read_map
from kinesis_trl.motion.markers.trc import read_trc
from kinesis_trl.motion.readers.dispatch import read_confined
from kinesis_trl.motion.readers.registry import ReadOptions
from kinesis_trl.physiology.emg_data import EmgError, read_rows
from kinesis_trl.settings import SettingsError, from_yaml, to_yaml
from kinesis_trl.training.config import TrainConfig
from tests.fuzz import seeds

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20"))
SIBLINGS = 15 if "FUZZ_EXAMPLES" in os.environ else 0
"""Inputs mutated at random along with each that Hypothesis thinks up: that takes ten times as long as reading it."""
SECONDS, MEMORY = 10.0, 1 << 30
MOTIONS = (
    *("figure.bvh", "kinesis.pkl", "text.pkl", "initial.pkl", "amass.npz", "qpos.npz", "joints.npy", "objects.npy"),
    *("table.mot", "table.csv", "mimic.json"),
)
EXPECTED = (ClipFormatError, CheckpointError, SettingsError, EmgError)
SNIPPETS = (
    *(b"nan", b"inf", b"-1", b"0", b"1e308", b"99999999999999", b"\x00" * 8, b"\xff" * 4, b"\xff\xff\xff\x7f", b"|S0"),
    *(b"|O", b"(-1,)", b"[" * 400, b"{", b"}", b"\n", b'"', b"'", b"2\x86" * 40, b"s.", b"0", b"\x94", b"R.", b"b."),
    *(b"&a [*a]", b"!!python/name:os.system", b"\\ud800", b"\x1b[2J", b"e", b",", b"\t", b" "),
)

Edits = list[tuple[str, float, bytes, int]]
_KINDS = ("put", "insert", "cut", "twice", "flip")
_edit = st.tuples(
    st.sampled_from(_KINDS),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(SNIPPETS) | st.binary(min_size=1, max_size=8),
    st.integers(1, 64),
)


def siblings(edits: Edits) -> list[Edits]:
    """The edits, and others at random; always the same for the same edits."""
    rng = random.Random(repr(edits))

    def edit() -> tuple[str, float, bytes, int]:
        piece = rng.choice(SNIPPETS) if rng.random() < 0.5 else rng.randbytes(rng.randint(1, 8))
        return rng.choice(_KINDS), rng.random(), piece, rng.randint(1, 64)

    return [edits, *([edit() for _ in range(rng.randint(1, 4))] for _ in range(SIBLINGS))]


def mutated(content: bytes, edits: Edits) -> bytes:
    """The content after each edit in turn, at a place given as a share of its length."""
    for kind, where, piece, length in edits:
        at = int(where * len(content))
        before, here, after = content[:at], content[at : at + length], content[at + length :]
        if kind == "put":
            content = before + piece + content[at + len(piece) :]
        elif kind == "insert":
            content = before + piece + content[at:]
        elif kind == "cut":
            content = before + after
        elif kind == "twice":
            content = before + here * 3 + after
        else:
            content = before + bytes(b ^ (1 << (length % 8)) for b in here[:1]) + here[1:] + after
    return content


def in_archive(content: bytes, edits: Edits) -> bytes:
    """A zip archive with one of its members mutated, and a checksum that fits; every fourth time the archive itself."""
    if not edits or edits[0][3] % 4 == 0:
        return mutated(content, edits)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(members)[edits[0][3] % len(members)]
    return seeds.npz({**members, name: mutated(members[name], edits)})


def attack(name: str, folder: Path, content: bytes, read: Callable[[Path], object]) -> None:
    """Feed a reader with mutations of a file; print what became of them."""
    counts = {"read": 0, "refused": 0}
    longest = [0.0]
    path = folder / name
    change = in_archive if path.suffix in (".npz", ".pth") else mutated

    @settings(
        max_examples=math.ceil(EXAMPLES / (1 + SIBLINGS)),
        deadline=None,
        database=None,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_edit, max_size=4))
    def attempt(edits: Edits) -> None:
        for each in siblings(edits):
            once(change(content, each))

    def once(made: bytes) -> None:
        path.write_bytes(made)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        faulthandler.dump_traceback_later(20 * SECONDS, exit=True)
        try:
            read(path)
            counts["read"] += 1
        except EXPECTED as error:
            counts["refused"] += 1
            assert printable(str(error)) == str(error)
        finally:
            faulthandler.cancel_dump_traceback_later()
        longest[0] = max(longest[0], time.process_time() - started)
        assert longest[0] < SECONDS
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY

    attempt()
    print(f"\n{name}: {counts['read']} read, {counts['refused']} refused, longest {longest[0]:.2f} s")  # noqa: T201  the result of `make fuzz`
    assert counts["read"] and counts["refused"]


@pytest.mark.parametrize("name", MOTIONS)
def test_motion_files(name: str, march: MotionClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_FORKS", False)
    options = ReadOptions(fps=30.0) if name == "table.csv" else ReadOptions()
    attack(name, tmp_path, seeds.motion_files(march)[name], lambda path: read_confined(path, options))


def test_the_same_behind_the_limits(march: MotionClip, tmp_path: Path) -> None:
    attack("kinesis.pkl", tmp_path, seeds.motion_files(march)["kinesis.pkl"], read_confined)


def test_policies(tmp_path: Path) -> None:
    attack("policy.safetensors", tmp_path, seeds.policy_file(tmp_path / "policy"), load_checkpoint)


def test_policies_of_the_original(tmp_path: Path) -> None:
    attack("model.pth", tmp_path, seeds.torch_file(), load_checkpoint)


@pytest.mark.parametrize("name", ["library.json", "qpos.npy", "track.npy"])
def test_libraries(name: str, march: MotionClip, body: BodyModel, tmp_path: Path) -> None:
    seeds.library_folder(tmp_path / "library", march, body)
    content = (tmp_path / "library" / name).read_bytes()
    attack(name, tmp_path / "library", content, lambda path: MotionLibrary.load(path.parent, body))
    shutil.rmtree(tmp_path / "library")


def test_settings(tmp_path: Path) -> None:
    def read(path: Path) -> object:
        return from_yaml(TrainConfig, path.read_text(encoding="utf-8", errors="replace"))

    attack("config.yaml", tmp_path, to_yaml(TrainConfig()).encode(), read)


def test_tables_of_muscle_activity(tmp_path: Path) -> None:
    attack("emg.csv", tmp_path, seeds.emg(), lambda path: read_rows(path, "percent", "muscle activity"))


def test_markers_of_a_laboratory(tmp_path: Path) -> None:
    attack("walk.trc", tmp_path, seeds.markers(), read_trc)


def test_maps_of_labels(tmp_path: Path) -> None:
    attack("map.yaml", tmp_path, b"A1: asis_r\nA2: [femur, 0.1, 0, 0.2, 0.01]\n", read_map)
