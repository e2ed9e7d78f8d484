"""Parity with the original: our functions against arrays computed with KINESIS' own.

The folder holds `kinesis_reference.npz` (muscles, observations, rewards, ends of an episode, advantages) and
small checkpoints in the original's file format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kinesis_trl.agents.parity import agents_parity
from kinesis_trl.body import muscles as hill
from kinesis_trl.body.simulator import ALL
from kinesis_trl.envs.scene import Scene, Tracked
from kinesis_trl.envs.step import body_distance
from kinesis_trl.envs.terms.observations import OBSERVATIONS
from kinesis_trl.envs.terms.rewards import REWARDS, RewardConfig
from kinesis_trl.envs.terms.terminations import DistanceRule
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.pickles import load_npz

MUSCLE_TOLERANCE = 1e-9
ENV_TOLERANCE = 1e-6
AGENT_TOLERANCE = 1e-5
LOG_PROB_TOLERANCE = 3e-5
"""The recorded log-probabilities are float32 sums of terms around 200 and themselves up to 1.5e-5 from exact ones."""


@dataclass(frozen=True)
class Parity:
    """Largest absolute error of one quantity, and the most that is allowed."""

    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is a number within the tolerance."""
        return bool(self.error <= self.tolerance)


class GoldenError(ValueError):
    """The folder of reference arrays cannot be used."""


def compare(folder: Path) -> dict[str, Parity]:
    """Largest absolute error per quantity for a folder of reference arrays.

    Raises:
        GoldenError: a file or array is missing or has another shape.
    """
    path = Path(folder) / "kinesis_reference.npz"
    try:
        golden = load_npz(path)
    except ClipFormatError as error:
        raise GoldenError(f"{error} Give the folder with the reference arrays.") from error
    out: dict[str, Parity] = {}
    parts: list[tuple[float, Callable[[dict[str, NDArray[Any]]], dict[str, float]]]] = [
        (MUSCLE_TOLERANCE, _muscle_errors),
        (ENV_TOLERANCE, _observation_errors),
        (ENV_TOLERANCE, _reward_errors),
    ]
    for tolerance, part in parts:
        try:
            errors = part(golden)
        except KeyError as error:
            raise GoldenError(f"{path} has no array {error}; it has {sorted(golden)}.") from error
        out |= {name: Parity(error, tolerance) for name, error in errors.items()}
    for name, largest in agents_parity(Path(folder)).items():
        out[name] = Parity(largest, LOG_PROB_TOLERANCE if name.endswith("logprob") else AGENT_TOLERANCE)
    return out


def _worst(ours: Any, theirs: NDArray[Any]) -> float:
    ours = np.asarray(ours, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise GoldenError(f"shapes differ: ours {ours.shape}, reference {theirs.shape}.")
    return float(np.abs(ours - theirs.astype(np.float64)).max()) if theirs.size else 0.0


def _muscle_errors(golden: dict[str, NDArray[Any]]) -> dict[str, float]:
    parameters = hill.MuscleParameters.from_arrays(
        golden["muscle_gainprm"], golden["muscle_lengthrange"], golden["muscle_acc0"]
    )
    length, velocity = golden["muscle_length"], golden["muscle_velocity"]
    target = hill.target_length(golden["action"], parameters)
    return {
        "target_length": _worst(target, golden["target_length"]),
        "target_force": _worst(
            hill.length_controller_force(length, velocity, target, parameters), golden["target_force"]
        ),
        "excitation": _worst(hill.length_controller(length, velocity, target, parameters), golden["activation"]),
        "effort_reward": _worst(hill.effort_reward(golden["ctrl"]), golden["energy_reward"]),
    }


def _observation_errors(golden: dict[str, NDArray[Any]]) -> dict[str, float]:
    body = _scene(golden, ("body_pos", "body_quat_wxyz", "body_linvel", "body_angvel"))
    root = {key: golden[key][:, None] for key in ("root_pos", "root_quat_wxyz")}
    task = _scene(golden | root, ("root_pos", "root_quat_wxyz", "track_pos", "track_vel"))
    theirs = {
        "root_height": (body, "selfobs_root_h_obs"),
        "body_pos": (body, "selfobs_local_body_pos"),
        "body_rot": (body, "selfobs_local_body_rot_obs"),
        "body_linvel": (body, "selfobs_local_body_vel"),
        "body_angvel": (body, "selfobs_local_body_ang_vel"),
        "position_error": (task, "taskobs_diff_local_body_pos"),
        "velocity_error": (task, "taskobs_diff_local_vel"),
        "reference_position": (task, "taskobs_local_ref_body_pos"),
    }
    return {
        f"observation_{name}": _worst(OBSERVATIONS[name].compute(scene), golden[key].reshape(len(golden[key]), -1))
        for name, (scene, key) in theirs.items()
    }


def _scene(golden: dict[str, NDArray[Any]], keys: tuple[str, ...]) -> Scene:
    """Bodies, or roots and what is tracked, out of recorded arrays: positions, orientations and two more."""
    position, quaternion, one, two = (torch.from_numpy(golden[key]) for key in keys)
    none = torch.zeros(len(position), 0, dtype=position.dtype)
    state = Tracked(position, quaternion, one, two, none, none, one, two)
    ahead = SimpleNamespace(position=torch.from_numpy(golden["ref_pos"]), velocity=torch.from_numpy(golden["ref_vel"]))
    return Scene(state, None, ALL, none, ahead)  # type: ignore[arg-type]  # recorded, not simulated


def _reward_errors(golden: dict[str, NDArray[Any]]) -> dict[str, float]:
    body_pos, body_vel, ref_pos, ref_vel = (
        torch.from_numpy(golden[k]) for k in ("track_pos", "track_vel", "ref_pos", "ref_vel")
    )
    step = SimpleNamespace(
        state=SimpleNamespace(body_pos=body_pos, body_vel=body_vel), ref_pos=ref_pos, ref_vel=ref_vel
    )
    position, velocity = (REWARDS[name].compute(step, RewardConfig()) for name in ("position", "velocity"))
    distance = body_distance(body_pos, ref_pos)
    rules = {
        "reset_max_015": DistanceRule(over="any", distance=0.15),
        "reset_mean_050": DistanceRule(over="mean", distance=0.5),
        "reset_mean_012": DistanceRule(over="mean", distance=0.12),
    }
    return {
        "reward_position": _worst(position, golden["reward_pos"]),
        "reward_velocity": _worst(velocity, golden["reward_vel"]),
        "reward": _worst(0.6 * position + 0.2 * velocity, golden["reward"]),
        **{name: _worst(rule.failed(distance), golden[name]) for name, rule in rules.items()},
    }
