"""When an episode has failed; pure functions on tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


def body_distance(body_pos: Tensor, ref_pos: Tensor) -> Tensor:
    """Distance (N, K) in metres of each tracked body from its reference; (N, K, 3) × 2."""
    return (body_pos - ref_pos).norm(dim=-1)


@dataclass(frozen=True, kw_only=True)
class DistanceRule:
    """An episode fails when the bodies are too far from their references."""

    over: Literal["any", "mean"] = "any"
    """Whether the largest distance of any tracked body counts, or the mean over them."""
    distance: float = 0.15
    """Largest distance allowed, in metres."""

    def failed(self, distance: Tensor) -> Tensor:
        """Which of N episodes failed (N,), from distances (N, K) in metres."""
        value = distance.mean(-1) if self.over == "mean" else distance.amax(-1)
        return value > self.distance


STRICT = DistanceRule(over="any", distance=0.15)
"""Training rule: any tracked body more than 0.15 m away."""
KINESIS = DistanceRule(over="mean", distance=0.5)
"""The original's evaluation rule: mean distance over 0.5 m."""
RULES = {"kinesis": KINESIS, "strict": STRICT}
"""Evaluation rules by name."""
