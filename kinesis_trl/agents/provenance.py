"""Which code made a file, and where: versions of the libraries, the commit of this package, the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARIES = ("kinesis_trl", "torch", "torchrl", "tensordict", "mujoco", "myo-sim", "numpy")


def git_commit() -> str:
    """Commit of the checkout this package runs from, '+changes' if edited; '' when there is none."""
    folder = Path(__file__).parent
    try:
        tracked = _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)
        commit = _git(folder, "rev-parse", "HEAD") if tracked else ""
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""  # installed from a wheel, or no git here
    return f"{commit}+changes" if commit and changed else commit


def machine() -> str:
    """Processor and number of cores."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{next(named, platform.processor() or platform.machine())}, {os.cpu_count()} cores"


def provenance() -> dict[str, str]:
    """Commit, machine, Python and library versions, as text by name; libraries that are absent are left out."""
    found = {"git_commit": git_commit(), "machine": machine(), "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
