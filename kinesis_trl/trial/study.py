"""From a trial's files to its study, step by step; a step that fails leaves its reason, and the others go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from kinesis_trl.body.inverse import InverseConfig
from kinesis_trl.body.subject import Subject
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.markers.fit import FitConfig
from kinesis_trl.motion.markers.treadmill import along_heading, belt_velocity, feet, moved, over_ground
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.trial.analysis import Study
from kinesis_trl.trial.emg import EmgConfig, Envelopes, envelopes
from kinesis_trl.trial.files import Trial, TrialFiles, read_trial
from kinesis_trl.trial.floor import FloorConfig, feet_on_floor
from kinesis_trl.trial.follow import Followed, follow
from kinesis_trl.trial.loads import Loads, loads_of
from kinesis_trl.trial.motion import Motion, motion_of

CUTOFF = 6.0
"""Cut-off in Hz below which gait lies (Winter 2009), of the motion and of the forces in its equations."""


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """How a trial is studied."""

    body: str = "myolegs"
    """Body by name, without a size."""
    subject: Subject | None = None
    """Size that is known; what is not named is found from markers and plates."""
    belt: float | None = None
    """Speed of a treadmill in m/s; None: found, where the person stays in place."""
    fit: FitConfig = field(default_factory=FitConfig)
    """Inverse kinematics."""
    floor: FloorConfig = field(default_factory=FloorConfig)
    """Force plates."""
    inverse: InverseConfig = field(default_factory=lambda: InverseConfig(cutoff=CUTOFF))
    """Static optimisation."""
    emg: EmgConfig = field(default_factory=EmgConfig)
    """EMG."""
    emg_map: Path | None = None
    """YAML file of channels and muscles."""
    controller: bool = True
    """Play a controller on the motion."""
    policy: str = ""
    """A policy's folder; '' takes the one that ships."""
    planner: MppiConfig = field(default_factory=lambda: MppiConfig(samples=12))
    """MPPI about it."""
    own_body: bool = False
    """Play it in the person's body instead of the standard one, in which the policy that ships learned."""
    threads: int = 1
    """Of the simulation."""


def study(
    files: TrialFiles,
    config: StudyConfig,
    *,
    during: Callable[[str], AbstractContextManager[object]] | None = None,
) -> Study:
    """Study a trial.

    Args:
        files: its files.
        config: how.
        during: wraps each step, with what it does in words.

    Raises:
        TrialError: there is no motion to study.
    """
    step = during or (lambda text: nullcontext())
    with step("reading"):
        trial = read_trial(files)
    with step("finding the motion from the markers"):
        motion = motion_of(trial, config.body, config.subject, config.fit)
        trial, motion = _over_ground(trial, motion, config.belt)
    with step("finding muscle forces"):
        loads = loads_of(motion, trial.wrenches, config.floor, config.inverse)
    with step("reading EMG"):
        emg = _emg(trial, motion, loads, config)
    followed: Followed | str = "it was not asked for (--no-controller)."
    if config.controller:
        with step("playing the controller"):
            try:
                followed = follow(
                    loads, config.policy, config.planner, own_body=config.own_body, threads=config.threads
                )
            except (ValueError, ArithmeticError, RuntimeError) as error:
                followed = str(error)
    return Study(trial=trial, motion=motion, loads=loads, emg=emg, followed=followed)


def _over_ground(trial: Trial, motion: Motion, speed: float | None) -> tuple[Trial, Motion]:
    """The trial with a treadmill's belt taken off."""
    heel, toes = feet(motion.body(), motion.qpos)
    found = belt_velocity(motion.qpos, heel, toes, motion.rate)
    belt = found if speed is None else along_heading(motion.qpos, speed)
    rate = float((belt**2).sum() ** 0.5)
    if rate == 0:
        return trial, motion
    how = "as was said" if speed is not None else "by the feet that stand on it"
    notes = (*motion.notes, f"treadmill: a belt of {rate:.2f} m/s ({how}) is added, as if over the ground")
    motion = replace(motion, qpos=over_ground(motion.qpos, motion.time, belt), notes=notes)
    if trial.wrenches is not None:
        trial = replace(trial, wrenches=moved(trial.wrenches, belt, motion.start))
    return trial, motion


def _emg(trial: Trial, motion: Motion, loads: Loads, config: StudyConfig) -> Envelopes | str:
    if trial.emg is None:
        return next((text for text in trial.problems if "EMG" in text), "no EMG was given.")
    if loads.floor is not None:
        standing = loads.floor.standing
    else:
        standing = feet_on_floor(*feet(loads.body, loads.solution.qpos), motion.rate, config.floor)
    try:
        return envelopes(trial.emg, config.emg, own=config.emg_map, standing=(motion.time, standing))
    except ClipFormatError as error:
        return str(error)
