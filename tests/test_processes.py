"""Worker processes: results in order, one thread each, and a process that dies is said."""

import os
import subprocess
import sys
import time

import psutil
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError

from kinesis_trl.processes import WorkerDiedError, every_part, in_processes


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order_and_what_a_part_raises_is_raised(workers):
    assert list(in_processes(lambda k: k * k, range(5), workers)) == [0, 1, 4, 9, 16]
    with pytest.raises(ZeroDivisionError):
        list(in_processes(lambda k: 1 / k, [1, 0, 2], workers))


def test_workers_are_other_processes_with_one_thread_each():
    found = list(in_processes(lambda k: (os.getpid(), os.environ["OMP_NUM_THREADS"]), range(4), 2))
    assert os.getpid() not in {pid for pid, _ in found} and {threads for _, threads in found} == {"1"}


def test_a_process_that_dies_is_said_with_what_to_do():
    with pytest.raises(WorkerDiedError, match="fewer --workers"):
        list(in_processes(lambda k: os._exit(1) if k == 1 else k, [0, 1, 2], 2))


def test_a_process_that_dies_while_parts_are_handed_out_is_said_too(monkeypatch):
    def broken(self, parts):
        raise TerminatedWorkerError("died early")

    monkeypatch.setattr("kinesis_trl.processes.Parallel.__call__", broken)
    with pytest.raises(WorkerDiedError, match="fewer --workers"):
        list(in_processes(lambda k: k, [0, 1], 2))


def test_a_part_whose_process_dies_costs_only_itself():
    found = list(every_part(lambda k: os._exit(9) if k in (1, 3) else 10 * k, range(4), 2))
    assert [isinstance(value, WorkerDiedError) for value in found] == [False, True, False, True]
    assert found[::2] == [0, 20]


def test_workers_end_when_their_parent_is_killed(tmp_path):
    code = f"""
import pathlib, time
from kinesis_trl.processes import in_processes
list(in_processes(lambda k: (pathlib.Path({str(tmp_path)!r}, k).touch(), time.sleep(999)), ["a", "b"], 2))
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 300
    while len(list(tmp_path.iterdir())) < 2 and parent.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    workers = [p for p in psutil.Process(parent.pid).children() if "LokyProcess" in " ".join(p.cmdline())]
    parent.kill()
    parent.wait()
    assert len(workers) == 2 and psutil.wait_procs(workers, timeout=60)[1] == []
