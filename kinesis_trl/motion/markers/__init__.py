"""Markers of a gait laboratory: files, marker sets, and inverse kinematics on a body of the person's size."""
