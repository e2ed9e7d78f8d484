"""Follow a rehearsed motion by the feedback that was computed for it, instead of by a policy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kinesis_trl.body.deviation import deviation
from kinesis_trl.envs.control.feedforward import FeedforwardControl
from kinesis_trl.envs.imitation import ImitationEnv

LIMIT = 0.3
"""Largest correction of a joint, as an action."""


def regulate(env: ImitationEnv) -> Tensor:
    """(N, J) actions −K x for the deviations x (N, D) of the bodies' states from their references.

    x is `body.deviation` followed by `InverseSolutions.moment_error`; K (J, D) is `MotionLibrary.feedback` there.

    Raises:
        ValueError: motions that were not rehearsed, or actions that are no corrections of joints.
    """
    if env.library.feedback is None or env.library.inverse is None:
        raise ValueError("the regulator follows rehearsed motions only; make them with kinesis optimise.")
    if not isinstance(env.control, FeedforwardControl):
        raise ValueError("the regulator corrects joints: control feedforward.")
    frame = env.library.frame_index(env.clip, env.time)
    reference = env.turned_state(frame)
    apart = deviation(env.body, np.asarray(env.physics.qpos), np.asarray(env.physics.qvel), *reference)
    half = apart.shape[1] // 2
    for first in (0, half):  # gains were found in the axes of the clip
        apart[:, first : first + 3] = env.placement.to_clip(apart[:, first : first + 3])
    moments = env.solutions.moment_error(frame, np.asarray(env.physics.activation))
    state = torch.from_numpy(np.concatenate([apart, moments], axis=1))
    gain = env.library.feedback[frame].double()
    return (-(gain @ state[..., None]).squeeze(-1)).clamp(-LIMIT, LIMIT)
