"""Motion without a file: footsteps, paths, planner, steering, language."""
