"""What a policy's checkpoint says of the task it was made for: written when it is saved, read when it acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from kinesis_trl.envs.feedforward import FeedforwardConfig
from kinesis_trl.envs.imitation import ImitationConfig


def describe(config: ImitationConfig) -> dict[str, Any]:
    """What a policy sees and what its actions mean, as JSON values for the notes of a checkpoint."""
    return {
        "control": config.control,
        "sensing": config.physics.sensing,
        "feedforward": asdict(config.feedforward),
        "muscle_observations": config.muscle_observations,
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
    feedforward = {**notes.get("feedforward", {})}
    if feedforward.pop("space", "joints") != "joints" or notes.get("compact", False):
        raise ValueError(
            "the policy has a compact observation or feedforward in the space of muscles or excitations, which were "
            "removed; train it anew with the preset laptop."
        )
    known = {key: value for key, value in feedforward.items() if key not in ("muscle_scale", "excitation_scale")}
    return replace(
        config,
        control=notes.get("control", default.control),
        feedforward=FeedforwardConfig(**known),
        muscle_observations=bool(notes.get("muscle_observations", False)),
        observe_orientation=bool(notes.get("observe_orientation", False)),
        observe_joints=bool(notes.get("observe_joints", False)),
        observe_moments=bool(notes.get("observe_moments", False)),
        lookahead=tuple(int(k) for k in notes.get("lookahead", ())),
        physics=replace(config.physics, sensing=notes.get("sensing", default.physics.sensing)),
    )
