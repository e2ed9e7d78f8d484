"""What the panels of the page share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Post = Callable[[Callable[[], None]], None]
"""Hands a call to the thread that owns the session."""


class On(Protocol):
    """Lets a call follow what the user does to a control."""

    def __call__(self, control: Any, act: Callable[[], Any], moment: str = "on_update") -> None:
        """Call `act` on the session's thread at each `moment` of `control`."""


class Shown:
    """What was shown last, so that only what changed is sent."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def new(self, key: str, value: Any) -> bool:
        """Whether this differs from what was shown last."""
        if key in self.values and self.values[key] == value:
            return False
        self.values[key] = value
        return True


def put(control: Any, value: Any) -> None:
    """Set a control; `On` tells this from what the user does."""
    control.value = value


def known(name: str, options: tuple[str, ...]) -> str:
    """`name` if it is one of the options, else the first."""
    return name if name in options else options[0]


def plain(text: str) -> str:
    """Text that markdown leaves as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-!<>|~$" else c for c in text.replace("\n", " "))
