"""Where a run writes its numbers: metrics.jsonl always, and Aim beside it for as long as Aim works."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import torch

from kinesis_trl.atomic import write_text
from kinesis_trl.reading import read_text
from kinesis_trl.training.config import TrackingConfig
from kinesis_trl.training.metrics_file import MetricsFile
from kinesis_trl.training.tracking import AimLogger, check_frames, check_rate, plain, split_name

METRICS = "metrics.jsonl"
AIM_RUN = "aim_run.txt"
_MOST_WAITING = 256  # calls
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CurriculumRound:
    """Which part of a curriculum a run is; Aim can search and group runs by what is not None."""

    curriculum: str
    """Folder of the curriculum's runs."""
    trains: Literal["expert", "gate"]
    """What the run trains."""
    round: int
    """How many runs of this curriculum came before."""
    expert: int | None = None
    """Index of the expert that the run trains, from 0; None for a gate."""
    clips: tuple[str, ...] | None = None
    """Names of the clips trained on; None for all motions."""
    parent_run: str | None = None
    """Name of the run whose weights it started from; None for new weights and those of no run."""
    experts: tuple[str, ...] | None = None
    """Names of the runs that a gate mixes; None for an expert."""


class RunLog:
    """Record of one run, in its folder and in Aim.

    Aim works on a thread of its own: a repository that is missing, damaged, locked or slow costs one logged
    warning and never the run. Calls check their arguments at once, whether or not Aim is there.
    """

    def __init__(self, folder: Path | str, config: TrackingConfig, *, resume_step: int | None = None) -> None:
        """Open the record; a run folder that was recorded in Aim before continues the same Aim run.

        `resume_step` is the step of the checkpoint that the run goes on from: later lines of metrics.jsonl
        are dropped. Raises MetricsFileError.
        """
        self.folder = Path(folder)
        self._metrics = MetricsFile(self.folder / METRICS, resume_step=resume_step)
        self._aim = _AimThread(self.folder, config) if config.aim else None

    def log_scalars(self, scalars: Mapping[str, float], step: int) -> None:
        """Record numbers of one step; names are `[train/|eval/]metric[@category]`. A full disk costs a warning."""
        values = {name: float(value) for name, value in scalars.items()}
        for name in values:
            split_name(name)
        self._metrics.write(values, step)
        self._to_aim(lambda aim: aim.log_metrics(values, step))

    def log_hparams(self, settings: Any) -> None:
        """Record settings, a dataclass or mapping with any nesting. Aim only: config.yaml holds them on disk."""
        values = plain(settings)
        self._to_aim(lambda aim: aim.log_hparams(values))

    def log_round(self, curriculum_round: CurriculumRound) -> None:
        """Record which part of a curriculum the run is. Aim only."""
        known = {name: value for name, value in asdict(curriculum_round).items() if value is not None}
        self._to_aim(lambda aim: aim.log_properties(known))

    def log_video(self, name: str, frames: np.ndarray, step: int, *, fps: float = 30.0) -> None:
        """Record a video, (T, H, W, 3) uint8, as a moving GIF. Aim only."""
        split_name(name)
        check_frames(frames, "(T, H, W, 3)")
        check_rate(fps)
        kept = torch.from_numpy(frames.copy()).movedim(-1, -3)
        self._to_aim(lambda aim: aim.log_video(name, kept, step, fps=fps))

    def flush(self) -> None:
        """See that metrics.jsonl holds every line so far. Raises MetricsFileError when the disk refuses."""
        self._metrics.flush()

    def close(self) -> None:
        """Write what is waiting, for no longer than Aim's patience, and close; may be called twice."""
        self._metrics.close()
        if self._aim is not None:
            self._aim.close()
            self._aim = None

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _to_aim(self, call: Callable[[AimLogger], object]) -> None:
        if self._aim is not None:
            self._aim.put(call)


class _AimThread:
    """Does calls on an AimLogger one after another; the first error, or a long wait, ends it with a warning."""

    def __init__(self, folder: Path, config: TrackingConfig) -> None:
        self._folder = folder
        self._config = config
        self._repository = config.repository or folder.resolve().parent
        self._calls: queue.Queue[Callable[[AimLogger], object] | None] = queue.Queue(_MOST_WAITING)
        self._failed = threading.Event()
        self._warning = threading.Lock()
        self._busy_since: float | None = time.monotonic()
        # A daemon, so that a repository that never answers cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="aim", daemon=True)
        self._thread.start()

    def put(self, call: Callable[[AimLogger], object]) -> None:
        """Do the call soon; never waits and never raises."""
        if self._failed.is_set():
            return
        since = self._busy_since
        if since is not None and time.monotonic() - since > self._config.patience:
            self._give_up(f"it has not answered for {self._config.patience:g} s")
            return
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self._give_up(f"{_MOST_WAITING} calls are waiting for it")

    def close(self) -> None:
        """Finish the waiting calls and close Aim's run, within the patience."""
        if self._failed.is_set():
            return
        deadline = time.monotonic() + self._config.patience
        try:
            self._calls.put(None, timeout=self._config.patience)
        except queue.Full:
            self._give_up("it did not take what was waiting")
            return
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._give_up(f"it did not finish within {self._config.patience:g} s")

    def _run(self) -> None:
        aim: AimLogger | None = None
        try:
            aim = self._open()
            while (call := self._next()) is not None:
                call(aim)
        except Exception as error:  # whatever a tracker does, training goes on
            self._give_up(f"{type(error).__name__}: {error}")
        try:
            if aim is not None:
                aim.close()
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")

    def _next(self) -> Callable[[AimLogger], object] | None:
        self._busy_since = None
        call = self._calls.get()
        self._busy_since = time.monotonic()
        return None if self._failed.is_set() else call

    def _open(self) -> AimLogger:
        """The run of this folder, if the repository knows it, else a new one."""
        from aim.sdk.errors import MissingRunError  # noqa: PLC0415  (seconds, off the training thread)

        note = self._folder / AIM_RUN
        known = read_text(note, most=1000, errors="replace").strip() if note.exists() else ""
        if known.isascii() and known.isalnum():
            try:
                return self._logger(known)
            except MissingRunError:
                _log.info("%s names a run that %s does not hold; a new one begins", note, self._repository)
        aim = self._logger(None)
        write_text(note, f"{aim.run_hash}\n")
        return aim

    def _logger(self, run_hash: str | None) -> AimLogger:
        config = self._config
        name = self._folder.resolve().name
        return AimLogger(config.experiment, self._repository, run_name=name, run_hash=run_hash, tags=config.tags)

    def _give_up(self, reason: str) -> None:
        with self._warning:
            if self._failed.is_set():
                return
            self._failed.set()
        _log.warning(
            "Aim no longer records this run: %s. The run goes on and its numbers are in %s. To mend it, see that "
            "aim is installed, that %s can be written, and that no other process records the same run.",
            reason,
            self._folder / METRICS,
            self._repository / ".aim",
        )
