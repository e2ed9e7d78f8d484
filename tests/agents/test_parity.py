"""Numbers of the original, from its recorded outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_trl.agents.lattice import LatticeActor
from kinesis_trl.agents.original import import_original
from kinesis_trl.agents.parity import agents_parity

QUANTITIES = {
    *(f"lattice{k}_mean" for k in range(3)),
    *("lattice0_logprob", "lattice0_cov", "lattice0_entropy"),
    *("moe_probs", "moe_expert_actions", "moe_chosen", "moe_logprob"),
    *("gae_advantage_normalised", "gae_return"),
}


def test_every_quantity_is_within_rounding_of_the_original(shared: Path) -> None:
    errors = agents_parity(shared / "golden")
    assert set(errors) == QUANTITIES
    assert errors.pop("moe_chosen") == 0
    assert {name: error for name, error in errors.items() if not error <= 1e-5} == {}


def test_exact_log_probabilities_differ_from_the_original_only_by_its_rounding(shared: Path) -> None:
    # Its float32 sums of terms around 230 round by 8e-6 a step; two steps are its own distance from exact.
    actor = import_original(shared / "golden/kin_expert_0/model.pth").policy.double()
    assert isinstance(actor, LatticeActor)
    with np.load(shared / "golden/kinesis_reference.npz", allow_pickle=False) as file:
        obs, action, expected = (torch.from_numpy(file[k]).double() for k in
                                 ("obs", "lattice0_action", "lattice0_logprob"))  # fmt: skip
    with torch.no_grad():
        exact = actor.distribution(obs).log_prob(action)
        single = actor.float().distribution(obs.float()).log_prob(action.float())
    assert (exact - expected).abs().max() < 1.6e-5
    assert (exact - single).abs().max() < 1.6e-5


def test_errors_are_seen(shared: Path, tmp_path: Path) -> None:
    golden = shared / "golden"
    for name in ("kin_expert_0", "kin_expert_1", "kin_expert_2", "kin_moe"):
        (tmp_path / name).symlink_to(golden / name)
    with np.load(golden / "kinesis_reference.npz", allow_pickle=False) as file:
        arrays = {k: file[k] for k in file.files if k.startswith(("obs", "lattice", "moe_", "gae_"))}
    arrays["lattice1_mean"][3, 7] += 0.01
    arrays["moe_chosen"][5] = (arrays["moe_chosen"][5] + 1) % 3
    arrays["gae_return"][0] -= 0.25
    np.savez(tmp_path / "kinesis_reference.npz", **arrays)
    errors = agents_parity(tmp_path)
    assert errors["lattice1_mean"] == pytest.approx(0.01, rel=1e-3)
    assert errors["moe_chosen"] == 1
    assert errors["gae_return"] == pytest.approx(0.25, rel=1e-3)


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="kinesis_reference"):
        agents_parity(tmp_path)
