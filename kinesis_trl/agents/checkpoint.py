"""Policies on disk: weights as safetensors, with everything needed to rebuild the networks beside them.

A checkpoint is a folder with `policy.safetensors` and `policy.json`. The description is stored in the header
of the weights, so that one atomic replacement of one file commits both; the JSON file is a copy to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from kinesis_trl.agents.actor import GaussianPolicy, Mirror
from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.exceptions import CheckpointError, CheckpointNotWrittenError
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.mixture import FinetunedMixture, MixtureActor, MixtureConfig, make_mixture
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.normalisation import RunningNorm
from kinesis_trl.agents.original import import_original
from kinesis_trl.agents.policy import ActorConfig, Policy, make_actor
from kinesis_trl.agents.provenance import provenance
from kinesis_trl.agents.tensor_file import TensorFile, check_finite, write_tensors
from kinesis_trl.atomic import write_text
from kinesis_trl.body.catalog import kind_of

WEIGHTS = "policy.safetensors"
DESCRIPTION = "policy.json"
FORMAT_VERSION = 1

_KINDS: dict[str, type[ActorConfig]] = {"lattice": LatticeConfig, "gaussian": GaussianConfig}
_MOST_EXPERTS = 64
_MOST_LAYERS = 64
_FORMER = frozenset({"directions"})
"""Settings that only chose the first weights of a policy; files of version 0.1.0 name them."""
_Config = TypeVar("_Config", bound=LatticeConfig | GaussianConfig | MixtureConfig | CriticConfig)


@dataclass(frozen=True, kw_only=True)
class PolicyCheckpoint:
    """What a policy file holds."""

    policy: Policy
    """The policy, in evaluation mode."""
    critic: Critic | None = None
    """Value function, where the file has one."""
    body: str = ""
    """Name of the body the policy moves; '' where the file does not say."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What the writer noted: training steps, clips, …"""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Git commit and library versions at the time of writing."""


def save_policy(
    folder: Path | str,
    policy: Policy,
    *,
    body: str,
    critic: Critic | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Path:
    """Write a policy, and its value function if given, into a folder; returns the folder.

    Matrices of the value function are written in half precision: actions do not depend on it.
    `notes` must be JSON values. A reader sees either the earlier checkpoint or the new one, whole, even if
    the process or machine dies meanwhile. Raises CheckpointNotWrittenError when the disk refuses (an earlier
    checkpoint is then untouched) and CheckpointError when weights are not finite.
    """
    folder = Path(folder)
    weights = {name: _rounded(name, weight) for name, weight in _weights(policy, critic).items()}
    check_finite(folder, weights)
    description = {
        "format_version": FORMAT_VERSION,
        "body": body,
        "observation_width": policy.observation_width,
        "action_width": policy.action_width,
        "policy": _describe(policy),
        "critic": None if critic is None else asdict(critic.config),
        "notes": dict(notes or {}),
        "provenance": provenance(),
    }
    try:
        write_text(folder / DESCRIPTION, write_tensors(folder / WEIGHTS, weights, description))
    except OSError as error:
        raise CheckpointNotWrittenError(
            f"{folder}: could not write the policy ({error}); an earlier one there is still whole. "
            "Free space or choose another folder."
        ) from error
    return folder


def load_policy(
    path: Path | str,
    *,
    body: str | None = None,
    observation_width: int | None = None,
    action_width: int | None = None,
    network: NetworkConfig | None = None,
    device: torch.device | str = "cpu",
) -> Policy:
    """The policy in a checkpoint, in evaluation mode; see `load_checkpoint`."""
    return load_checkpoint(
        path,
        body=body,
        observation_width=observation_width,
        action_width=action_width,
        network=network,
        device=device,
    ).policy


def load_checkpoint(
    path: Path | str,
    *,
    body: str | None = None,
    observation_width: int | None = None,
    action_width: int | None = None,
    network: NetworkConfig | None = None,
    device: torch.device | str = "cpu",
) -> PolicyCheckpoint:
    """Read a checkpoint folder, a `.safetensors` file, or `model.pth` of the original KINESIS.

    Arguments that are given must agree with the file; `network` is that of the policy (of a mixture, its
    gate's). Raises CheckpointError when they do not, or when the file is missing, damaged or unknown.
    """
    path = Path(path)
    if path.is_dir():
        path = path / ("model.pth" if not (path / WEIGHTS).exists() and (path / "model.pth").exists() else WEIGHTS)
    if path.suffix == ".pth":
        imported = import_original(path)
        checkpoint = PolicyCheckpoint(policy=imported.policy, critic=imported.critic, notes=imported.notes)
    else:
        checkpoint = _read(path)
    policy = checkpoint.policy
    config = policy.config
    found_network = config.gate if isinstance(config, MixtureConfig) else config.network
    for what, found, expected, mend in (
        ("body", checkpoint.body or body, body, "Use this policy's body, or train one for yours."),
        ("observation width", policy.observation_width, observation_width,
         "Use the task and observation settings it was trained with."),
        ("action width", policy.action_width, action_width, "Use the body it was trained with."),
        ("network", found_network, network, "Set the network in the config to that of the file."),
    ):  # fmt: skip
        same = kind_of(str(found)) == kind_of(str(expected)) if what == "body" and expected else found == expected
        if expected is not None and not same:
            raise CheckpointError(f"{path}: {what} is {found}, expected {expected}. {mend}")
    policy.to(device).eval()
    if checkpoint.critic is not None:
        checkpoint.critic.to(device).eval()
    return checkpoint


def _describe(policy: Policy) -> dict[str, Any]:
    if isinstance(policy, MixtureActor | FinetunedMixture):
        experts = [_describe(cast(Policy, expert)) for expert in policy.experts]
        return {"kind": "mixture", "config": asdict(policy.config), "experts": experts}
    kind = next(name for name, config in _KINDS.items() if isinstance(policy.config, config))
    return {"kind": kind, "config": asdict(policy.config)}


def _read(path: Path) -> PolicyCheckpoint:
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path}: is a folder, pipe or device, expected a safetensors file.")
    try:
        file = TensorFile.open(path)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: no such file, expected a folder with {WEIGHTS} or a model.pth. Train a policy first."
        ) from error
    description = file.description
    # Without memory for the weights: a description may claim any size, but the file is as large as it is.
    policy, critic = _build(path, description)
    weights = file.read(_weights(policy, critic))
    check_finite(path, weights)
    for prefix, module in (("policy.", policy), ("critic.", critic)):
        if module is not None:
            module.load_state_dict({n: weights[prefix + n] for n in module.state_dict()}, assign=True)
            _check_statistics(path, module)
    notes, origin = description.get("notes") or {}, description.get("provenance") or {}
    if not isinstance(notes, dict) or not isinstance(origin, dict):
        raise CheckpointError(f"{path}: notes and provenance are no tables of names. Use another checkpoint.")
    return PolicyCheckpoint(
        policy=policy, critic=critic, body=str(description.get("body", "")), notes=notes, provenance=origin
    )


def _build(path: Path, description: dict[str, Any]) -> tuple[Policy, Critic | None]:
    """The networks described, without memory for their weights."""
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {version}, expected {FORMAT_VERSION}. "
            "Update kinesis_trl, or save the policy again with the version that wrote it."
        )
    try:
        observation, action = (int(description[key]) for key in ("observation_width", "action_width"))
        with torch.device("meta"):
            policy = _build_policy(description["policy"], observation, action)
            critic = description.get("critic")
            return policy, None if critic is None else Critic(_config(CriticConfig, critic), observation)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError, MemoryError) as error:
        raise CheckpointError(
            f"{path}: the description of its networks does not hold together "
            f"({type(error).__name__}: {error}). Download it again or use another checkpoint."
        ) from error


def _build_policy(description: dict[str, Any], observation: int, action: int) -> Policy:
    if description["kind"] == "mixture":
        experts = description["experts"]
        if len(experts) > _MOST_EXPERTS:
            raise ValueError(f"{len(experts)} experts, expected at most {_MOST_EXPERTS}")
        members = [_build_policy(expert, observation, action) for expert in experts]
        if not all(isinstance(member, GaussianPolicy) for member in members):
            raise ValueError("an expert is itself a mixture")
        return make_mixture(_config(MixtureConfig, description["config"]), cast(list[GaussianPolicy], members))
    return make_actor(_config(_KINDS[description["kind"]], description["config"]), observation, action)


def _config(kind: type[_Config], values: dict[str, Any]) -> _Config:
    values = {name: value for name, value in values.items() if name not in _FORMER}
    if unknown := set(values) - {f.name for f in fields(kind)}:
        raise ValueError(f"unknown settings {', '.join(sorted(unknown))} of {kind.__name__}")
    typed: dict[str, Any] = dict(values)
    for name in {"network", "gate"} & set(values):
        network = dict(values[name])
        if len(network["hidden"]) > _MOST_LAYERS:
            raise ValueError(f"{len(network['hidden'])} layers, expected at most {_MOST_LAYERS}")
        typed[name] = NetworkConfig(**{**network, "hidden": tuple(network["hidden"])})
    return kind(**typed)


def _weights(policy: Policy, critic: Critic | None) -> dict[str, Tensor]:
    """Every weight and statistic under the name it has in a file."""
    modules: dict[str, nn.Module] = {"policy": policy} if critic is None else {"policy": policy, "critic": critic}
    return {f"{prefix}.{n}": w for prefix, module in modules.items() for n, w in module.state_dict().items()}


def _rounded(name: str, weight: Tensor) -> Tensor:
    """A weight as a file has it."""
    matrix = name.startswith("critic.") and weight.ndim > 1 and weight.dtype == torch.float32
    return weight.half() if matrix else weight


def _check_statistics(path: Path, module: nn.Module) -> None:
    """Raise CheckpointError where a mirror points outside its vector or a running norm holds what none can."""
    for name, part in module.named_modules():
        odd = False
        if isinstance(part, Mirror):
            odd = not torch.equal(part.index.sort().values, torch.arange(len(part.index)))
        elif isinstance(part, RunningNorm):
            odd = int(part.count) < 0 or bool((part.std < 0).any())
        if odd:
            raise CheckpointError(f"{path}: {name} holds impossible numbers. Download it again or use another.")
