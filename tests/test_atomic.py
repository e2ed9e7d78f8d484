"""Files and folders are replaced whole or not at all, and killed writers leave nothing behind."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kinesis_trl import atomic
from kinesis_trl.atomic import replacing, replacing_folder, sweep, write_bytes, write_text


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_an_error_leaves_the_old_file_and_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", "old")
    with replacing_folder(tmp_path / "b") as staged:
        (staged / "x").write_text("old")
    with pytest.raises(KeyError), replacing(tmp_path / "a.json") as temporary:
        temporary.write_text("half")
        raise KeyError
    with pytest.raises(KeyError), replacing_folder(tmp_path / "b") as staged:
        (staged / "y").write_text("half")
        raise KeyError
    assert names(tmp_path) == ["a.json", "b"] and names(tmp_path / "b") == ["x"]
    assert (tmp_path / "a.json").read_text() == "old"
    with replacing_folder(tmp_path / "b") as staged:
        (staged / "y").write_text("new")
    assert names(tmp_path) == ["a.json", "b"] and names(tmp_path / "b") == ["y"]


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder-link").symlink_to(tmp_path / "folder")
    for name in ("link", "pipe", "folder"):
        with pytest.raises(OSError, match="regular file"):
            write_text(tmp_path / name, "new")
    with pytest.raises(OSError, match="symbolic link"), replacing_folder(tmp_path / "folder-link"):
        pass
    assert (tmp_path / "target").read_text() == "kept" and (tmp_path / "link").is_symlink()
    assert names(tmp_path) == ["folder", "folder-link", "link", "pipe", "target"]


KILLED = """
import os, signal, sys
from pathlib import Path
from kinesis_trl import atomic
folder, where = Path(sys.argv[1]), sys.argv[2]
if where == "between":  # the old folder is away, the new one not yet there
    rename = os.rename
    def once(a, b):
        rename(a, b)
        if str(b).endswith(".old"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.rename = once
with atomic.replacing(folder / "a.json") as temporary, atomic.replacing_folder(folder / "b") as staged:
    temporary.write_text("half")
    (staged / "x").write_text("new")
    if where == "inside":
        os.kill(os.getpid(), signal.SIGKILL)
    if where == "alive":
        print("ready", flush=True)
        sys.stdin.read()
"""


def writer(folder: Path, where: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("where", ["inside", "between"])
def test_what_a_killed_writer_left_is_swept_and_nothing_is_lost(tmp_path: Path, where: str) -> None:
    write_text(tmp_path / "a.json", "old")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_text("old")
    (tmp_path / ".hidden.json").write_text("not ours")
    process = writer(tmp_path, where)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and len(names(tmp_path)) > 3
    sweep(tmp_path, "other")
    assert len(names(tmp_path)) > 3
    sweep(tmp_path, "b")
    sweep(tmp_path, "a.json")
    assert names(tmp_path) == [".hidden.json", "a.json", "b"]
    assert (tmp_path / "a.json").read_text() == "old" and (tmp_path / "b" / "x").read_text() == "old"


def test_what_is_being_written_is_not_swept(tmp_path: Path) -> None:
    process = writer(tmp_path, "alive")
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    sweep(tmp_path)
    process.communicate("")
    assert process.returncode == 0
    assert names(tmp_path) == ["a.json", "b"] and (tmp_path / "b" / "x").read_text() == "new"


def test_two_writers_of_one_folder_both_end(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "b") as one, replacing_folder(tmp_path / "b") as two:
        (one / "x").write_text("one")
        (two / "x").write_text("two")
    assert (tmp_path / "b" / "x").read_text() == "one" and names(tmp_path) == ["b"]


def test_room_is_reserved_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_bytes(tmp_path / "a", b"old")
    monkeypatch.setattr(atomic, "reserve", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old" and names(tmp_path) == ["a"]


def test_a_limit_of_the_file_size_is_an_error_not_a_signal(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from kinesis_trl.atomic import write_bytes\n"
    code += "try:\n    write_bytes(Path(sys.argv[1]), bytes(1 << 20))\nexcept OSError as e:\n    print(e.strerror)"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a")], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, names(tmp_path)) == (0, "File too large\n", [])
