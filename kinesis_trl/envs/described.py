"""What a policy's checkpoint says of the task it was made for: written when it is saved, read when it acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from kinesis_trl.envs.config import (
    BODY_TERMS,
    JOINT_TERMS,
    MUSCLE_TERMS,
    TRACKING_TERMS,
    EnvConfig,
    ObservationConfig,
)
from kinesis_trl.envs.control.config import ControlConfig, control_named

_Config = TypeVar("_Config", bound=EnvConfig)


def describe(config: EnvConfig) -> dict[str, Any]:
    """What a policy sees and what its actions mean, as JSON values for the notes of a checkpoint."""
    seen = config.observation
    return {
        "control": config.control.describe(),
        "sensing": config.physics.sensing,
        "substeps": config.physics.substeps,
        "rate": config.physics.rate,
        "observation": {"terms": list(seen.terms), "reference_steps": list(seen.reference_steps)},
    }


def as_described(config: _Config, notes: Mapping[str, Any]) -> _Config:
    """`config` with what `describe` wrote into `notes`; what is missing there gets its default.

    Raises:
        ValueError, TypeError: notes that `describe` did not write, or what was removed since.
    """
    default = EnvConfig()
    return replace(
        config,
        control=_control(notes) if "control" in notes else default.control,
        observation=_observation(notes),
        physics=replace(
            config.physics,
            **{key: notes.get(key, getattr(default.physics, key)) for key in ("sensing", "substeps", "rate")},
        ),
    )


def _observation(notes: Mapping[str, Any]) -> ObservationConfig:
    """The observation in notes, which had a flag for each group of terms until version 0.2."""
    if "observation" in notes:
        return ObservationConfig(**{key: tuple(value) for key, value in notes["observation"].items()})
    if notes.get("compact", False):
        raise ValueError("the policy has a compact observation, which was removed; train it anew with preset laptop.")
    flags = {
        "observe_orientation": ("turn_to_reference",),
        "observe_joints": JOINT_TERMS,
        "observe_moments": ("moment_error",),
        "muscle_observations": MUSCLE_TERMS,
        "observe_action": ("last_action",),
    }
    more = [name for flag, names in flags.items() if notes.get(flag, False) for name in names]
    steps = tuple(int(k) for k in notes.get("lookahead", ()))
    return ObservationConfig(terms=BODY_TERMS + TRACKING_TERMS).plus(*more, reference_steps=steps)


def _control(notes: Mapping[str, Any]) -> ControlConfig:
    """The control in notes, which had its name and the parameters of feedforward apart until version 0.2."""
    if not isinstance(notes["control"], str):
        return control_named(**notes["control"])
    parameters = dict(notes.get("feedforward", {})) if notes["control"] == "feedforward" else {}
    if parameters.get("space", "joints") != "joints":
        raise ValueError("the policy corrects muscles or excitations, which was removed; train it anew.")
    kept = {key: parameters[key] for key in ("joint_scale", "activation") if key in parameters}
    return control_named(notes["control"], **kept)
