"""Policies leave for other programs through torch.export and the default ONNX exporter, and act the same there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensordict import TensorDict
from torch import Tensor, nn

from kinesis_trl.agents.checkpoint import load_policy
from kinesis_trl.agents.export import Controller
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.mixture import MixtureConfig, make_mixture
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import Policy, make_actor

pytestmark = pytest.mark.slow

ASSETS = Path(__file__).parents[2] / "assets"
SHIPPED = sorted(path.parent for path in ASSETS.glob("*/*/policy.safetensors"))
NETWORK = NetworkConfig(hidden=(8, 6))


class Called(nn.Module):
    """The policy as TorchRL calls it."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy
        self.eval()

    def forward(self, observation: Tensor) -> Tensor:
        return self.policy(TensorDict({"observation": observation}, observation.shape[:1]))["action"]


def made(kind: str) -> Policy:
    torch.manual_seed(0)
    lattice, gaussian = LatticeConfig(network=NETWORK, symmetric=True), GaussianConfig(network=NETWORK)
    experts = [make_actor(lattice, 5, 3), make_actor(gaussian, 5, 3)]
    if kind in ("lattice", "gaussian"):
        return experts[kind == "gaussian"]
    if kind == "remembering":
        return make_actor(replace(gaussian, noise_memory=0.7), 5, 3)
    return make_mixture(MixtureConfig(gate=NETWORK, finetune=kind == "finetuned"), experts)


def cases() -> list[str | Path]:
    return ["lattice", "gaussian", "remembering", "mixture", "finetuned", *SHIPPED]


def policy_of(case: str | Path) -> Policy:
    return (made(case) if isinstance(case, str) else load_policy(case)).eval()


@pytest.mark.parametrize("case", cases(), ids=lambda case: getattr(case, "name", case))
@pytest.mark.parametrize("module", [Called, Controller])
def test_torch_export(case: str | Path, module: type[nn.Module]) -> None:
    policy = policy_of(case)
    example = torch.randn(3, policy.observation_width)
    program = torch.export.export(module(policy), (example,), dynamic_shapes=({0: torch.export.Dim("bodies")},))
    other = 3 * torch.randn(7, policy.observation_width)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(other), Called(policy)(other), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "case", ["lattice", "remembering", "mixture", SHIPPED[0]], ids=lambda case: getattr(case, "name", case)
)
def test_the_default_onnx_exporter(case: str | Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    from onnx.reference import ReferenceEvaluator

    policy = policy_of(case)
    example = torch.randn(3, policy.observation_width)
    torch.onnx.export(
        Called(policy), (example,), tmp_path / "policy.onnx", dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
    )
    other = torch.randn(7, policy.observation_width)
    session = ReferenceEvaluator(str(tmp_path / "policy.onnx"))
    (found,) = session.run(None, {session.input_names[0]: other.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, Called(policy)(other).numpy(), rtol=1e-4, atol=1e-5)
