"""Kill preparing and trajectory optimisation at random moments: python tests/commands/kills.py --kills 20

Preparing replaces an older library by two processes at work: after every kill the one or the other is there, whole.
What trajectory optimisation has found before a kill stays byte for byte. No process and no file is left behind.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from joblib.externals.loky import get_reusable_executor
from rich.console import Console

from kinesis_trl.body.model import load_body
from kinesis_trl.commands.optimise import OptimiseConfig, optimise
from kinesis_trl.commands.prepare import PrepareConfig, prepare
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.ilqr import RefineConfig
from kinesis_trl.planning.search import SearchConfig

CLIPS, FRAMES = 4, 16
_fork = multiprocessing.get_context("fork")  # a start costs a second instead of ten
Content = dict[str, bytes]


def make_motions(folder: Path) -> None:
    """Files of short walks, the library of half of them, and that of all with inverse solutions."""
    body = load_body()
    walk = text_to_clip("walk forward", body)
    assert walk.qpos is not None
    clips = [
        replace(walk, name=f"walk {k}", qpos=walk.qpos[20 + 8 * k : 20 + 8 * k + FRAMES].copy()) for k in range(CLIPS)
    ]
    (folder / "files").mkdir()
    for clip in clips:
        np.savez(folder / "files" / f"{clip.name}.npz", qpos=clip.qpos, fps=30.0)
    MotionLibrary.build(clips[: CLIPS // 2], body).save(folder / "older")
    MotionLibrary.build(clips, body, inverse=SolveConfig()).save(folder / "solved")


def prepare_all(motions: Path, out: Path) -> None:
    config = PrepareConfig(paths=(str(motions / "files"),), out=out, accept=True, inverse=True, workers=2)
    prepare(config, Console(file=io.StringIO()))


def optimise_all(motions: Path, out: Path) -> None:
    config = OptimiseConfig(
        motions=str(motions / "solved"),
        out=out,
        search=SearchConfig(bodies=6, clips=1),
        refine=RefineConfig(rounds=1, corrections=1),
        threads=1,
    )
    optimise(config, Console(file=io.StringIO()))


def content(folder: Path, pattern: str = "*") -> Content:
    """Bytes of all files below a folder that are not being written, but for the picture and notes."""
    files = sorted(path for path in folder.rglob(pattern) if path.is_file() and path.suffix in (".npy", ".npz"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if not _unfinished(p.relative_to(folder))}


def _unfinished(path: Path) -> bool:
    return any(re.search(r"\.(part|old)\b", part) for part in path.parts)


def _command(target: Callable[[Path, Path], None], motions: Path, out: Path) -> None:
    """What a command does; its workers end as when Python ends by itself, where a forked process waits for them."""
    target(motions, out)
    get_reusable_executor().shutdown(wait=True)


def in_process(target: Callable[[Path, Path], None], motions: Path, out: Path, seconds: float | None) -> bool:
    """Run to the end, or kill it after so many seconds; returns whether it was killed. Its workers end as well."""
    process = _fork.Process(target=_command, args=(target, motions, out))
    process.start()
    process.join(seconds)
    if process.exitcode is not None:
        assert process.exitcode == 0, f"ended with {process.exitcode}"
        return False
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.join()
    alive = psutil.wait_procs(workers, timeout=60)[1]
    assert not alive, f"processes outlive the command: {[p.cmdline() for p in alive if p.is_running()]}"
    return True


def check_prepared(before: Content, after: Content, motions: Path, whole: Content) -> None:
    """The older library or the new one."""
    assert after in (content(motions / "older"), whole), "the library is half of each"


def check_optimised(before: Content, after: Content, motions: Path, whole: Content) -> None:
    """Clips that were found stay as they were, until the library takes their place."""
    finished = {name for name in after if name.startswith("out/")} >= {f"out/{name}" for name in whole}
    assert finished or {name: after.get(name) for name in before} == before, "something found was lost"


def kill_again_and_again(folder: Path, *, kills: int, seed: int) -> Counter[str]:
    """Both commands under kills, until each had half of them; returns how many each had."""
    rng = random.Random(seed)
    motions = folder / "motions"
    motions.mkdir()
    made = _fork.Process(target=make_motions, args=(motions,))
    made.start()
    made.join()
    seen: Counter[str] = Counter()
    work: tuple[tuple[str, Callable[[Path, Path], None], Callable[..., Any]], ...] = (
        ("prepare", prepare_all, check_prepared),
        ("optimise", optimise_all, check_optimised),
    )
    for name, target, check in work:
        began = time.monotonic()
        in_process(target, motions, folder / f"{name}-whole" / "out", None)
        seconds, whole = time.monotonic() - began, content(folder / f"{name}-whole" / "out")
        place, rounds = None, 0
        while seen[name] < kills // 2:
            if place is None:
                rounds += 1
                place = folder / f"{name}-{rounds}"
                if name == "prepare":
                    _copy(motions / "older", place / "out")
            before = _found(name, place)
            if in_process(target, motions, place / "out", rng.uniform(0.05, 0.9) * seconds):
                seen[name] += 1
                sys.stderr.write(f"kill {seen[name]} of {kills // 2}, in {name}\n")
                check(before, _found(name, place), motions, whole)
            else:
                _ended(place, whole, same=name == "prepare")
                place = None
        if place is not None:
            in_process(target, motions, place / "out", None)
            _ended(place, whole, same=name == "prepare")
    return seen


def _found(name: str, place: Path) -> Content:
    return content(place / "out") if name == "prepare" else content(place)


def _copy(old: Path, new: Path) -> None:
    new.mkdir(parents=True)
    for path in old.iterdir():
        (new / path.name).write_bytes(path.read_bytes())


def _ended(place: Path, whole: Content, *, same: bool) -> None:
    """The end is what it would have been without a kill (optimisation draws other noise), and nothing else is left."""
    found = content(place / "out")
    assert found.keys() == whole.keys()
    assert not same or found == whole, "not equal to what was never killed"
    assert all(len(found[name]) == len(whole[name]) for name in whole)
    assert [path.name for path in place.iterdir()] == ["out"], "something is left over"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many, half of each command")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = kill_again_and_again(Path(folder), kills=arguments.kills, seed=arguments.seed)
    told = ", ".join(f"{name} {count}" for name, count in sorted(seen.items()))
    sys.stdout.write(f"{seen.total()} kills, nothing lost, nothing left over ({told})\n")


if __name__ == "__main__":
    main()
