"""Recorded motion onto the body.

skeleton, smpl_model: joints of SMPL. onto_body: targets and inverse_kinematics (its equations: banded) → qpos; trunk.
contacts, support, recorded_steps: when feet stand; footing, balance: feet and pelvis that can carry.
plausibility, quality: whether a clip can be trusted, and how good it became.
"""
