"""Actions in a mirror, checked against the muscles' own geometry."""

from dataclasses import replace

import numpy as np
import torch

from kinesis_trl.body.inverse import InverseConfig, solve
from kinesis_trl.envs.symmetry import ActionMirror

FPS = 30.0


def test_mirrored_joint_action_moves_the_other_sides_muscles(body, march):
    qpos = march.qpos[:12]
    config = replace(InverseConfig(), moment_arms=True)
    arms = solve(body, qpos, FPS, config).moment_arm
    mirrored = solve(body, body.mirror.qpos(qpos), FPS, config).moment_arm
    action = torch.randn(len(qpos), arms.shape[-1], generator=torch.Generator().manual_seed(0))
    other = ActionMirror(body, joints=True)(action).numpy()
    lengths = np.einsum("tmj,tj->tm", arms, action.numpy())
    np.testing.assert_allclose(np.einsum("tmj,tj->tm", mirrored, other), lengths[..., body.mirror.muscles], atol=2e-6)


def test_mirror_twice_is_the_action_itself(body):
    for joints, width in ((False, body.model.nu), (True, len(body.independent_joints))):
        mirror, action = ActionMirror(body, joints=joints), torch.randn(5, width)
        assert torch.equal(mirror(mirror(action)), action)
        assert not torch.equal(mirror(action), action)
