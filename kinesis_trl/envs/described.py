"""What a policy's checkpoint says of the task it was made for: written when it is saved, read when it acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kinesis_trl.envs.control.config import ControlConfig, control_named
from kinesis_trl.envs.imitation import ImitationConfig


def describe(config: ImitationConfig) -> dict[str, Any]:
    """What a policy sees and what its actions mean, as JSON values for the notes of a checkpoint."""
    return {
        "control": config.control.describe(),
        "sensing": config.physics.sensing,
        "muscle_observations": config.muscle_observations,
        "observe_action": config.observe_action,
        "observe_orientation": config.observe_orientation,
        "observe_joints": config.observe_joints,
        "observe_moments": config.observe_moments,
        "lookahead": list(config.lookahead),
    }


def as_described(config: ImitationConfig, notes: Mapping[str, Any]) -> ImitationConfig:
    """`config` with what `describe` wrote into `notes`; what is missing there gets its default.

    Raises:
        ValueError, TypeError: notes that `describe` did not write, or what was removed since.
    """
    default = ImitationConfig()
    if notes.get("compact", False):
        raise ValueError("the policy has a compact observation, which was removed; train it anew with preset laptop.")
    return replace(
        config,
        control=_control(notes) if "control" in notes else default.control,
        muscle_observations=bool(notes.get("muscle_observations", False)),
        observe_action=bool(notes.get("observe_action", False)),
        observe_orientation=bool(notes.get("observe_orientation", False)),
        observe_joints=bool(notes.get("observe_joints", False)),
        observe_moments=bool(notes.get("observe_moments", False)),
        lookahead=tuple(int(k) for k in notes.get("lookahead", ())),
        physics=replace(config.physics, sensing=notes.get("sensing", default.physics.sensing)),
    )


def _control(notes: Mapping[str, Any]) -> ControlConfig:
    """The control in notes, which had its name and the parameters of feedforward apart until version 0.2."""
    if not isinstance(notes["control"], str):
        return control_named(**notes["control"])
    parameters = dict(notes.get("feedforward", {})) if notes["control"] == "feedforward" else {}
    if parameters.get("space", "joints") != "joints":
        raise ValueError("the policy corrects muscles or excitations, which was removed; train it anew.")
    return control_named(
        notes["control"], **{k: v for k, v in parameters.items() if k in ("joint_scale", "activation")}
    )
