"""Memory of a viewer whose clips change again and again, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_memory_stays_level_while_clips_change():
    done = subprocess.run(
        [sys.executable, "-m", "tests.viewer.soak", "--changes", "10"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 changes" in done.stdout and " 0 replaced simulations alive" in done.stdout
