"""Typed presets: instances of the config dataclasses, nothing else."""
