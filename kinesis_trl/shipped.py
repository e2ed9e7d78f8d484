"""Where the files that ship with the package lie, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PLACES = (Path(__file__).parent / "assets", Path(__file__).parents[1] / "assets")


def _ships(name: str) -> bool:
    return any((place / name).exists() for place in _PLACES)


def asset(name: str) -> Path:
    """Path of a shipped file or folder, by its path within `assets`.

    Raises:
        FileNotFoundError: nothing of that name ships.
    """
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f"{name} does not ship with this installation; looked in {_PLACES[0]} and {_PLACES[1]}.")


SHIPPED_POLICY = next((name for name in ("policies/walking", "policies/unfinished") if _ships(name)), "")
"""The policy that evaluation and viewer take when none is named, as `asset` takes it."""
