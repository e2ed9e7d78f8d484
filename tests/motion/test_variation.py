from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.variation import VariationConfig, vary

STILL = VariationConfig(
    tempo=0.0,
    stride=0.0,
    rotation=0.0,
    width=0.0,
    crouch=0.0,
    lean=0.0,
    pelvis_tilt=0.0,
    pelvis_shift=0.0,
    sway=0.0,
)


def draw(clip, body, *, mirrored, config=None, seeds=range(50)):
    """The first copy that is mirrored or not, with its seed's random numbers."""
    for seed in seeds:
        copy = vary(clip, body, np.random.default_rng(seed), config)
        if ("~m" in copy.name) == mirrored:
            return copy
    raise AssertionError("no such copy drawn")


def test_without_variation_a_copy_is_the_clip_or_its_mirror_image(body, march):
    same, mirror = (draw(march, body, mirrored=m, config=STILL) for m in (False, True))
    np.testing.assert_allclose(same.qpos, march.qpos, atol=1e-9)
    np.testing.assert_allclose(mirror.qpos, body.mirror.qpos(march.qpos), atol=1e-9)


def test_the_same_random_numbers_give_the_same_copy(body, march):
    first, second, other = (vary(march, body, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.qpos, second.qpos)
    assert first.qpos.shape != other.qpos.shape or not np.allclose(first.qpos, other.qpos)


def test_tempo_changes_the_length_and_stride_the_distance(body, march):
    slow = VariationConfig(tempo=10.0, stride=0.0, sway=0.0, lean=0.0, crouch=0.0)
    frames = {vary(march, body, np.random.default_rng(seed), slow).frames for seed in range(12)}
    whole = march.frames - 1
    assert frames <= {round(whole / k) + e for k in (1.4, 0.65) for e in (0, 1)}
    assert len(frames) == 2
    far = draw(march, body, mirrored=False, config=replace(STILL, stride=0.5))
    factor = np.ptp(far.qpos[:, 0]) / np.ptp(march.qpos[:, 0])
    np.testing.assert_allclose(
        far.qpos[:, :2] - far.qpos[0, :2], factor * (march.qpos[:, :2] - march.qpos[0, :2]), atol=1e-6
    )


def test_the_trunk_leans_and_the_thighs_do_not(body, march):
    copy = draw(march, body, mirrored=False, config=replace(STILL, lean=0.1))
    hip = 7 + body.joint_names.index("hip_flexion_r")
    shift = copy.qpos[:, hip] - march.qpos[:, hip]
    assert np.abs(shift).max() > 0.01 and np.ptp(shift) < 1e-9


def test_sides_change_with_the_mirror(body, march):
    clip = march.with_(category="circle counter-clockwise", label="turns left, then right")
    copy = draw(clip, body, mirrored=True)
    assert (copy.category, copy.label) == ("circle clockwise", "turns right, then left")


def test_limits_and_couplings_hold(body, march):
    wild = VariationConfig(rotation=1.0, width=1.0, sway=0.5)
    low, high = body.joint_range.T
    free = body.couplings.independent_dofs(body.model.nv)[6:] - 6
    for seed in range(5):
        joints = vary(march, body, np.random.default_rng(seed), wild).qpos
        np.testing.assert_allclose(joints, body.couplings.apply(joints), atol=1e-12)
        assert (joints[:, 7:] >= low - 1e-9)[:, free].all() and (joints[:, 7:] <= high + 1e-9)[:, free].all()


def test_bad_input_is_said(body):
    positions = MotionClip(name="points", fps=30.0, positions=np.zeros((3, 1, 3)), joint_names=("Pelvis",))
    with pytest.raises(ValueError, match="points holds joint positions"):
        vary(positions, body, np.random.default_rng(0))
    with pytest.raises(ValueError, match="tempo"):
        VariationConfig(tempo=-1.0)
