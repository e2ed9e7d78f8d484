"""Where a file comes from: versions, and a commit only if this package is in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from kinesis_trl.agents import provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_is_that_of_the_checkout_with_changes_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "provenance.py"
    source.write_text("original")
    monkeypatch.setattr(provenance, "__file__", str(source))
    assert provenance.git_commit() == ""
    git(tmp_path, "init")
    assert provenance.git_commit() == ""  # a checkout that happens to surround an installed package
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    assert provenance.git_commit() == git(tmp_path, "rev-parse", "HEAD")
    source.write_text("changed")
    assert provenance.git_commit() == git(tmp_path, "rev-parse", "HEAD") + "+changes"


def test_versions_are_those_that_are_imported() -> None:
    found = provenance.provenance()
    assert found["torch"] == torch.__version__
    assert {"kinesis_trl", "torchrl", "tensordict", "python", "git_commit"} <= set(found)
