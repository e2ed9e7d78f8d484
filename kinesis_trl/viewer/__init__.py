"""The body in a browser: a simulation to steer (`session`), drawn (`scene`), with its controls (`page`)."""
