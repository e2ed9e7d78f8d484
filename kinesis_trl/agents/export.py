"""A policy for other programs: observation in, deterministic action out, without TorchRL.

Example, an ONNX file that takes any number of bodies:

    controller = Controller(load_policy("runs/expert0/policy"))
    example = (torch.zeros(2, controller.observation_width),)
    torch.onnx.export(controller, example, "policy.onnx", dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
"""

from __future__ import annotations

from torch import Tensor, nn

from kinesis_trl.agents.policy import Policy


class Controller(nn.Module):
    """Observation (N, observation_width) → action (N, action_width), normalisation included.

    `torch.export.export` and `torch.onnx.export` take it; so they do a module that calls the policy with a TensorDict.
    """

    def __init__(self, policy: Policy) -> None:
        """Of a policy, which is set to evaluation mode; shares its weights."""
        super().__init__()
        self.policy = policy
        self.observation_width, self.action_width = policy.observation_width, policy.action_width
        self.eval()

    def forward(self, observation: Tensor) -> Tensor:
        """Most probable action."""
        return self.policy.choose(observation)
