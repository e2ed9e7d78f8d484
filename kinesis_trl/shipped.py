"""Where the files that ship with the package lie, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PLACES = (Path(__file__).parent / "assets", Path(__file__).parents[1] / "assets")


def asset(name: str) -> Path:
    """Path of a shipped file or folder, by its path within `assets`.

    Raises:
        FileNotFoundError: nothing of that name ships.
    """
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f"{name} does not ship with this installation; looked in {_PLACES[0]} and {_PLACES[1]}.")


SHIPPED_POLICY = "policies/recorded"
"""The policy that evaluation, viewer and reports take when none is named, as `asset` takes it."""
FEEDFORWARD_POLICY = "policies/walking"
"""The policy that corrects inverse solutions: trajectory optimisation searches about it, goal tasks start from it."""
COORDINATED_POLICY = "policies/coordinated"
"""The policy whose muscles work most as people's do on recorded motions, which trials are on when none is named."""
GOAL_POLICIES = "goals"
"""Folder of the policies that see a goal instead of a reference; each is named after its task."""
