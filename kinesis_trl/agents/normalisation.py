"""Running mean and deviation of the observation, updated only on request."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RunningNorm(nn.Module):
    """(x − mean) / (std + 1e-8), clipped to ±5, with statistics over everything given to `update`.

    `forward` never changes the statistics: the same batch may pass through it in every epoch of an update,
    and old and new log-probabilities stay comparable. Buffers are only written in place, so that a copy in
    shared memory stays shared with worker processes.

    Attributes:
        count: number of observations seen, int64 scalar.
        mean, std: (width,) in units of the observation; population deviation. 0 and 1 before any update.
        frozen: whether `update` is refused.
    """

    EPSILON = 1e-8
    CLIP = 5.0

    count: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frozen = False
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    def forward(self, observation: Tensor) -> Tensor:
        """Normalise (…, width)."""
        return ((observation - self.mean) / (self.std + self.EPSILON)).clamp(-self.CLIP, self.CLIP)

    def freeze(self, frozen: bool = True) -> None:
        """Refuse every later `update`, or allow it again."""
        self.frozen = frozen

    @torch.no_grad()
    def update(self, observation: Tensor) -> None:
        """Merge the statistics of a batch (…, width) into the running ones.

        Parallel form of Welford's sums (Chan, Golub & LeVeque 1979), in float64. Raises RuntimeError when
        frozen and ValueError when the batch is not finite; the statistics are then as before.
        """
        if self.frozen:
            raise RuntimeError(
                "these statistics are frozen, as those of a mixture's experts are; "
                "update the policy that is being trained."
            )
        batch = observation.reshape(-1, self.mean.numel()).double()
        if not torch.isfinite(batch).all():
            rows = int((~torch.isfinite(batch)).any(-1).sum())
            raise ValueError(
                f"{rows} of {len(batch)} observations are not finite; expected finite numbers. "
                "Leave out the environments that diverged."
            )
        if len(batch) == 0:
            return
        seen, new = self.count.double(), len(batch)
        total = seen + new
        batch_mean = batch.mean(0)
        shift = batch_mean - self.mean.double()
        squares = (
            self.std.double().square() * seen
            + (batch - batch_mean).square().sum(0)
            + shift.square() * seen * new / total
        )
        self.mean.copy_(self.mean.double() + shift * new / total)
        self.std.copy_((squares / total).sqrt())
        self.count.add_(new)
