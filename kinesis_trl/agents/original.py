"""Import of `model.pth`, the checkpoints of the original KINESIS (arXiv 2503.14637)."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn

from kinesis_trl.agents.actor import NormalisedMLP
from kinesis_trl.agents.critic import Critic, CriticConfig
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeActor, LatticeConfig
from kinesis_trl.agents.mixture import MixtureActor, MixtureConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.torch_pickle import OddPickleError, check_pickle

_LARGEST_FILE = 1 << 30
"""Bytes; the largest original checkpoint, with its optimizer's state, is below 0.5 GiB."""

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class OriginalCheckpoint:
    """What a model.pth holds, as modules of ours with the same numbers."""

    policy: LatticeActor | MixtureActor
    """Policy, in evaluation mode. Experts of a mixture have no noise in the file and get the default one."""
    critic: Critic | None = None
    """Value function, on raw observations, where the file has one."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """`epoch` and `frame` of the original's training."""


def import_original(path: Path | str) -> OriginalCheckpoint:
    """Read an original checkpoint; layer sizes follow from the weights.

    Nothing in the file is executed. Raises CheckpointError when it is missing, damaged, holds anything but
    tensors and numbers, or is neither a Lattice policy nor a mixture.
    """
    path = Path(path)
    content = _read(path)
    policy = content.get("policy")
    value = content.get("value")
    value = {} if value is None else value
    for name, weights in (("policy", policy), ("value", value)):
        if not isinstance(weights, dict) or not all(isinstance(w, Tensor) for w in weights.values()):
            raise CheckpointError(f"{path}: '{name}' is not a dict of tensors, as in a KINESIS model.pth.")
        for key, tensor in weights.items():
            if not _is_whole(tensor):
                raise CheckpointError(f"{path}: {name} {key} lacks numbers of its shape {tuple(tensor.shape)}.")
            if not torch.isfinite(tensor).all():
                raise CheckpointError(f"{path}: {name} {key} holds NaN or infinity, expected finite numbers.")
    assert isinstance(policy, dict) and isinstance(value, dict)
    try:
        return OriginalCheckpoint(
            policy=_mixture(policy) if "gate.1.weight" in policy else _lattice(policy),
            critic=_critic(value) if value else None,
            notes={k: n for k in ("epoch", "frame") if isinstance(n := content.get(k), int)},
        )
    except Exception as error:  # shapes and types that no policy has
        raise CheckpointError(
            f"{path}: neither a Lattice policy nor a mixture of KINESIS ({type(error).__name__}: "
            f"{' '.join(str(error).split()):.200}). Found keys {', '.join(map(str, list(policy)[:8]))}, …"
        ) from error


def _read(path: Path) -> dict[str, object]:
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path}: no regular file, expected a KINESIS model.pth.")
    try:
        archive = _checked_archive(path)
        # torch's reader raises whatever comes to it from a damaged file: TypeError, AttributeError, AssertionError, …
        content = torch.load(archive, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file, expected a KINESIS model.pth.") from error
    except CheckpointError:
        raise
    except (OddPickleError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path}: holds more than tensors and numbers, which could run code; it was not opened "
            f"({str(error).splitlines()[0]:.120}). Expected a model.pth from the authors of KINESIS."
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"{path}: damaged or no model.pth ({type(error).__name__}: {reason:.200}). Download it again."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, expected a dict with 'policy'.")
    return content


def _checked_archive(path: Path) -> BytesIO:
    """The archive of torch.save anew, so that what torch reads is what has been looked at."""
    checked = BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(checked, "w") as copy:
        records = archive.infolist()
        size = sum(record.file_size for record in records)
        compressed = any(record.compress_type != zipfile.ZIP_STORED for record in records)
        if compressed or size > min(_LARGEST_FILE, path.stat().st_size):
            raise CheckpointError(
                f"{path}: {size} bytes{' compressed' if compressed else ''}, expected up to {_LARGEST_FILE} "
                "bytes stored as torch.save does. Download the file from its authors again."
            )
        for record in records:
            content = archive.read(record)
            if record.filename.endswith(".pkl"):
                check_pickle(content)
            copy.writestr(record.filename, content)
    checked.seek(0)
    return checked


def _is_whole(tensor: Tensor) -> bool:
    """Whether a tensor has the memory its shape asks for; views may repeat a number without end."""
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    return plain and tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _lattice(weights: Weights) -> LatticeActor:
    head = weights["action_mean.weight"]
    log_std = weights["log_std"].flatten()
    if len(log_std) != sum(head.shape):
        raise ValueError(f"log_std has {len(log_std)} numbers, expected {sum(head.shape)} (Lattice)")
    defaults = LatticeConfig()
    actor = LatticeActor(
        LatticeConfig(
            network=_network(weights, "net."),
            normalise=_has_statistics(weights, "norm."),
            # The original has no bounds, so those of the import must not change its numbers.
            min_log_std=min(defaults.min_log_std, float(log_std.min())),
            max_log_std=max(defaults.max_log_std, float(log_std.max())),
        ),
        _width(weights, "net."),
        head.shape[0],
    )
    _fill(actor.net, weights, norm="norm.", hidden="net.", head="action_mean.")
    with torch.no_grad():
        actor.log_std.copy_(log_std)
    return actor.eval()


def _mixture(weights: Weights) -> MixtureActor:
    experts: list[LatticeActor] = []
    while f"experts.experts.{len(experts)}.2.weight" in weights:
        stem = f"experts.experts.{len(experts)}."
        network, normalise = _network(weights, f"{stem}1."), _has_statistics(weights, f"{stem}0.")
        config = LatticeConfig(network=network, normalise=normalise)
        expert = LatticeActor(config, _width(weights, f"{stem}1."), weights[f"{stem}2.weight"].shape[0])
        _fill(expert.net, weights, norm=f"{stem}0.", hidden=f"{stem}1.", head=f"{stem}2.")
        experts.append(expert)
    more = _width(weights, "gate.0.") - experts[0].observation_width
    if more not in (0, len(experts)):
        raise ValueError(f"the gate sees {more} numbers more than its {len(experts)} experts")
    gate = MixtureConfig(
        gate=_network(weights, "gate.0."), normalise=_has_statistics(weights, "norm."), memory=more > 0
    )
    mixture = MixtureActor(gate, experts)
    if more and gate.normalise:  # which expert acted before passes the norm as it is
        unit = {"mean": torch.zeros(more), "std": torch.ones(more)}
        weights = {**weights, **{f"norm.{k}": torch.cat([weights[f"norm.{k}"].flatten(), v]) for k, v in unit.items()}}
    _fill(mixture.gate.net, weights, norm="norm.", hidden="gate.0.", head="gate.1.")
    return mixture.eval()


def _critic(weights: Weights) -> Critic:
    heads = [k for k in weights if k.endswith(".weight") and "affine_layers" not in k and "norm." not in k]
    if len(heads) != 1:
        raise ValueError(f"{len(heads)} output layers in the value function, expected one")
    hidden = next(key for key in weights if "affine_layers." in key).split("affine_layers.")[0]
    config = CriticConfig(network=_network(weights, hidden), normalise=_has_statistics(weights, "norm."))
    critic = Critic(config, _width(weights, hidden))
    _fill(critic.net, weights, norm="norm.", hidden=hidden, head=heads[0].removesuffix("weight"))
    return critic.eval()


def _network(weights: Weights, stem: str) -> NetworkConfig:
    hidden: list[int] = []
    while (key := f"{stem}affine_layers.{len(hidden)}.weight") in weights:
        hidden.append(weights[key].shape[0])
    return NetworkConfig(hidden=tuple(hidden))


def _width(weights: Weights, stem: str) -> int:
    return weights[f"{stem}affine_layers.0.weight"].shape[1]


def _has_statistics(weights: Weights, stem: str) -> bool:
    """Whether there is a norm that has seen observations; the original passes them on raw before that."""
    return f"{stem}n" in weights and int(weights[f"{stem}n"]) > 0


def _fill(net: NormalisedMLP, weights: Weights, *, norm: str, hidden: str, head: str) -> None:
    """Copy weights under the three stems of the original's names into our network."""
    linear = [layer for layer in net.hidden if isinstance(layer, nn.Linear)]
    stems = [(layer, f"{hidden}affine_layers.{i}.") for i, layer in enumerate(linear)]
    with torch.no_grad():
        for layer, stem in (*stems, (net.head, head)):
            for name, target in (("weight", layer.weight), ("bias", layer.bias)):
                _copy(target, weights[stem + name], stem + name)
        if net.norm is not None:
            for name, target in (("n", net.norm.count), ("mean", net.norm.mean), ("std", net.norm.std)):
                _copy(target, weights[norm + name], norm + name)


def _copy(target: Tensor, source: Tensor, name: str) -> None:
    if target.shape != source.shape:
        raise ValueError(f"{name} has shape {tuple(source.shape)}, expected {tuple(target.shape)}")
    target.copy_(source)
