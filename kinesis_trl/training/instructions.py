"""Instructions that one physics step takes, counted by valgrind: the same on a busy machine and on an idle one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mujoco

_PROGRAM = """
import sys
import mujoco
import numpy as np
model = mujoco.MjModel.from_binary_path(sys.argv[1])
data, generator = mujoco.MjData(model), np.random.default_rng(0)
data.qpos[:] = np.frombuffer(bytes.fromhex(sys.argv[3]))
for _ in range(int(sys.argv[2])):
    data.ctrl[:] = 0.3 * generator.random(model.nu)
    mujoco.mj_step(model, data)
"""
_STEPS = 25


def instructions_of_step(model: mujoco.MjModel, qpos: bytes) -> float:
    """Mean instructions of `mj_step` over 25 steps from coordinates `qpos` (nq doubles) at random excitations to 0.3.

    What starting Python takes is counted in a run of one step and subtracted.

    Raises:
        FileNotFoundError: valgrind is not installed.
        ChildProcessError: valgrind did not say how many instructions it counted.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise FileNotFoundError("valgrind is not installed, which counts instructions; `apt-get install valgrind`.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mjb"
        mujoco.mj_saveModel(model, str(path))
        few, many = (_count(valgrind, path, steps, qpos.hex()) for steps in (1, 1 + _STEPS))
    return (many - few) / _STEPS


def _count(valgrind: str, path: Path, steps: int, qpos: str) -> int:
    command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={path.with_suffix('.out')}"]
    done = subprocess.run(
        [*command, sys.executable, "-c", _PROGRAM, str(path), str(steps), qpos],
        env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
        text=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        last = done.stderr.strip().splitlines()[-1:]
        raise ChildProcessError(f"valgrind ended with status {done.returncode}: {last}")
    return int(found.group(1))
