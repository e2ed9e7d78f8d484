"""Motion without a file.

commands → footsteps (course and stances) → stance, pelvis, swing → synthesis: coordinates of the body.
steering: orders at any moment → speeds of the course; planner: an endless reference that obeys them; paths: to a goal.
clauses, language: sentences → commands. data_sets: clips by the hundred. gait_curves: what is published about gait.
"""
