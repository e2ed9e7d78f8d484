"""Recorded motion onto the body: skeletons, inverse kinematics, feet, balance, quality."""
