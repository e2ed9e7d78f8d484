"""How far imported originals, and the original's advantages, are from recorded numbers."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from torchrl.objectives.value.functional import generalized_advantage_estimate

from kinesis_trl.agents.lattice import LatticeActor
from kinesis_trl.agents.mixture import MixtureActor
from kinesis_trl.agents.original import import_original
from kinesis_trl.motion.pickles import load_npz

ARRAYS = "kinesis_reference.npz"


def agents_parity(folder: Path | str) -> dict[str, float]:
    """Largest absolute error of each quantity; `moe_chosen` counts disagreements.

    The folder holds `kinesis_reference.npz` with the original's outputs, and its checkpoints as
    `kin_expert_{0,1,2}/model.pth` and `kin_moe/model.pth`. Raises FileNotFoundError without the arrays,
    KeyError when one is missing from them, CheckpointError for a bad checkpoint.
    """
    folder = Path(folder)
    if not (folder / ARRAYS).is_file():
        raise FileNotFoundError(f"{folder}: no {ARRAYS}; give the folder with the original's outputs.")
    arrays = load_npz(folder / ARRAYS)
    names = [n for n in arrays if n.startswith(("obs", "lattice", "moe_", "gae_"))]
    recorded = {name: torch.from_numpy(arrays[name]) for name in names}
    with torch.no_grad():
        computed = {**_lattices(folder, recorded), **_mixture(folder, recorded), **_advantages(recorded)}
    errors = {name: _largest_error(value, recorded[name]) for name, value in computed.items()}
    return {**errors, "moe_chosen": float((computed["moe_chosen"] != recorded["moe_chosen"]).sum())}


def _largest_error(computed: Tensor, recorded: Tensor) -> float:
    if computed.shape != recorded.shape:
        raise ValueError(f"shape {tuple(computed.shape)} computed, {tuple(recorded.shape)} recorded.")
    return float((computed.double() - recorded.double()).abs().max())


def _lattices(folder: Path, recorded: dict[str, Tensor]) -> dict[str, Tensor]:
    computed = {}
    for index in range(3):
        actor = import_original(folder / f"kin_expert_{index}" / "model.pth").policy
        if not isinstance(actor, LatticeActor):
            raise ValueError(f"{folder}/kin_expert_{index} holds a mixture, expected a Lattice policy.")
        computed[f"lattice{index}_mean"] = actor.mean(recorded["obs"])
        if index == 0:
            dist = _in_original_precision(actor, recorded["obs"])
            computed["lattice0_logprob"] = dist.log_prob(recorded["lattice0_action"])
            computed["lattice0_entropy"] = dist.entropy()
            computed["lattice0_cov"] = actor.covariance()
    return computed


def _in_original_precision(actor: LatticeActor, observation: Tensor) -> MultivariateNormal:
    """Our mean and covariance, with the factorisation in float32 where the original does it.

    Its log-probabilities, sums of terms around 230, come in steps of 8e-6 and are up to 1.2e-5 from exact
    ones; only the same rounding comes closer to them.
    """
    return MultivariateNormal(actor.mean(observation), actor.covariance().float(), validate_args=False)


def _mixture(folder: Path, recorded: dict[str, Tensor]) -> dict[str, Tensor]:
    mixture = import_original(folder / "kin_moe" / "model.pth").policy
    if not isinstance(mixture, MixtureActor):
        raise ValueError(f"{folder}/kin_moe holds a single policy, expected a mixture.")
    gate = mixture.gate.distribution(recorded["obs"])
    return {
        "moe_probs": gate.probs,
        "moe_expert_actions": mixture.expert_actions(recorded["obs"]),
        "moe_chosen": gate.mode,
        "moe_logprob": gate.log_prob(recorded["moe_chosen"]),
    }


def _advantages(recorded: dict[str, Tensor]) -> dict[str, Tensor]:
    """The original's rule: no bootstrap at any episode's end, nor after the last step of the batch."""
    value, reward = recorded["gae_value"].double(), recorded["gae_reward"].double()
    done = recorded["gae_mask"] == 0
    next_value = torch.cat([value[1:], torch.zeros_like(value[:1])])
    advantage, target = generalized_advantage_estimate(0.99, 0.95, value, next_value, reward, done, done)
    normalised = (advantage - advantage.mean()) / advantage.std(correction=1)
    return {"gae_advantage_normalised": normalised, "gae_return": target}
