"""A trained controller on the trial's own motion, in the standard body that it learned in or in the person's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.signal import butter, sosfiltfilt

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.body.catalog import kind_of
from kinesis_trl.body.model import load_body
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.envs.imitation import ImitationConfig, inverse_for
from kinesis_trl.envs.terms.terminations import RULES
from kinesis_trl.evaluation.metrics import score
from kinesis_trl.evaluation.rollout import Episode
from kinesis_trl.motion.clip import ClipFormatError, MotionClip
from kinesis_trl.motion.kinematics import joint_clip
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.motion.retarget.onto_body import retarget
from kinesis_trl.physiology.recorder import record
from kinesis_trl.physiology.recording import Recording
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.planning.controllers import make_player
from kinesis_trl.shipped import COORDINATED_POLICY, asset
from kinesis_trl.trial.loads import Loads

_SHOWN = 15.0
"""Cut-off in Hz of the controller's force where it is compared with plates, which are filtered alike."""
_JOINTS = ("hip_flexion", "knee_angle", "ankle_angle")


@dataclass(frozen=True, kw_only=True)
class Followed:
    """How a controller did."""

    recording: Recording
    rules: dict[str, Any]
    """Success, coverage and mean distance by rule."""
    figures: dict[str, Any]
    """r of the vertical force with the plates by foot and of both, and RMS difference of joint angles in degrees."""


def follow(loads: Loads, policy: str, planner: MppiConfig, *, own_body: bool, threads: int) -> Followed:
    """Play a policy on the motion.

    Args:
        loads: motion and measured forces.
        policy: a policy's folder; '' takes the one that ships.
        planner: MPPI about the policy; no samples: the policy alone.
        own_body: play in the person's body instead of the standard one, whose segments and strides the motion is then
            scaled to.
        threads: of the simulation.

    Raises:
        TrialError: no such policy, or a motion that cannot be prepared for it.
    """
    body = loads.body if own_body else load_body(kind_of(loads.body.name))
    try:
        qpos, fps = loads.solution.qpos, loads.solution.fps
        clip = MotionClip(name="trial", fps=fps, qpos=qpos)
        prepared, _ = retarget(clip if own_body else joint_clip(loads.body, qpos, fps=fps, name="trial"), body)
        player = make_player(
            policy or str(asset(COORDINATED_POLICY)),
            body,
            ImitationConfig(physics=PhysicsConfig(threads=threads)),
            planner=planner if planner.samples else None,
        )
        library = MotionLibrary.build([prepared], body, inverse=inverse_for(player.settings.control))
    except (ClipFormatError, CheckpointError, FileNotFoundError) as error:
        raise TrialError(f"no controller could be played: {error}") from error
    episodes: list[Episode] = []
    (recording,) = record(body, library, player.policy, player.settings, on_episode=episodes.append)
    rules = {name: asdict(score(episodes[0], rule)) for name, rule in RULES.items()}
    return Followed(recording=recording, rules=rules, figures=_compared(loads, recording))


def _compared(loads: Loads, recording: Recording) -> dict[str, Any]:
    solution = loads.solution
    time = np.arange(len(solution.qpos)) / solution.fps
    reached = time <= recording.time[-1]
    out: dict[str, Any] = {}
    for joint in _JOINTS:
        apart = []
        for side in "rl":
            column = 7 + loads.body.joint_names.index(f"{joint}_{side}")
            own = np.interp(time[reached], recording.time, recording.qpos[:, column])
            apart.append(own - solution.qpos[reached, column])
        out[joint] = float(np.degrees(np.sqrt(np.mean(np.square(apart)))))
    known = loads.known & reached
    if loads.floor is None or known.sum() < FPS / 2:
        return out
    vertical = recording.ground_force[..., 2] / recording.weight
    sections = butter(2, _SHOWN, fs=recording.rate, output="sos")
    vertical = sosfiltfilt(sections, vertical, axis=0, padlen=min(len(vertical) - 1, 30))
    own = np.stack([np.interp(time[known], recording.time, vertical[:, side]) for side in range(2)], axis=1)
    plates = loads.floor.measured.force[known][..., 2]
    out["vertical"] = [float(np.corrcoef(own[:, side], plates[:, side])[0, 1]) for side in range(2)]
    out["vertical_both"] = float(np.corrcoef(own.ravel(), plates.ravel())[0, 1])
    return out
