"""Keys that command the body, for the page and for MuJoCo's viewer, which takes them here."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.directional import COMMANDS, Heading
from kinesis_trl.evaluation.rendering import muscle_colours
from kinesis_trl.evaluation.steering import SteeringController
from kinesis_trl.motion.library import FPS

NUMPAD: Mapping[str, str] = {
    "kp8": "away",
    "kp2": "towards",
    "kp4": "left",
    "kp6": "right",
    "kp7": "away left",
    "kp9": "away right",
    "kp1": "towards left",
    "kp3": "towards right",
    "kp5": "stop",
    "kp-": "slower",
    "kp+": "faster",
}
"""Command of each key of the numeric keypad; 8 goes away from the viewer."""
_CODES: Mapping[str, int] = {
    **{chr(c).lower(): c for c in (*range(65, 91), *range(48, 58))},
    **{f"kp{k}": 320 + k for k in range(10)},
    "kp-": 333,
    "kp+": 334,
    "space": 32,
    "-": 45,
    "=": 61,
    "right": 262,
    "left": 263,
    "down": 264,
    "up": 265,
}
"""Codes of GLFW (Input guide: Keyboard keys) by the names used here."""
_ARROWS: Mapping[str, str] = {way: f"arrow{way}" for way in ("right", "left", "down", "up")}


class BindingError(ValueError):
    """A key or a binding that does not exist; the message lists what does."""


class DisplayError(RuntimeError):
    """No window can be opened on this machine; the message names what works without one."""


@dataclass(frozen=True)
class Bindings:
    """Which key gives which command."""

    names: Mapping[str, str]
    """Command by the name of its key."""

    @classmethod
    def of(cls, changes: Iterable[str] = ()) -> Bindings:
        """The numeric keypad, with changes such as "w=away" or "space=stop".

        Raises:
            BindingError: not key=command, or an unknown key or command.
        """
        names = dict(NUMPAD)
        for change in changes:
            key, found, command = change.rpartition("=")
            if not found or not key:
                raise BindingError(f"{change!r} is no binding; give KEY=COMMAND, such as w=away.")
            if key not in _CODES:
                raise BindingError(f"no key {key!r}; choose one of {', '.join(_CODES)}.")
            if command not in COMMANDS:
                raise BindingError(f"no command {command!r}; choose one of {', '.join(COMMANDS)}.")
            names[key] = command
        return cls(names)

    def command(self, code: int) -> str | None:
        """What a pressed key commands; None for a key without a meaning."""
        return next((command for key, command in self.names.items() if _CODES[key] == code), None)

    @property
    def hotkeys(self) -> dict[str, str]:
        """Command by key as a page of viser names it: digits for the keypad, and F and G instead of plus and minus."""
        out = {"F": "faster", "G": "slower"}
        for key, command in self.names.items():
            name = _ARROWS.get(key, key.removeprefix("kp").upper() if key != "space" else key)
            if name not in ("-", "+", "="):
                out[name] = command
        return out


def has_display() -> bool:
    """Whether a window can be opened."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def require_display() -> None:
    """Check that a window can be opened.

    Raises:
        DisplayError: no display server.
    """
    if not has_display():
        raise DisplayError(
            "no display: --interactive opens MuJoCo's window, which needs one. "
            "Steer in a browser instead: kinesis view --task directional"
        )


def steer_live(
    steered: SteeringController, body: BodyModel, bindings: Bindings, start: Heading, say: Callable[[str], None]
) -> None:  # pragma: no cover - needs a window
    """Open MuJoCo's viewer and let keys command the body, in real time, until the window is closed.

    Raises:
        DisplayError: no display server.
    """
    require_display()
    import mujoco.viewer  # noqa: PLC0415  loads a window library that a machine without a display may lack

    pressed: list[int] = []
    data = mujoco.MjData(body.model)
    heading = start
    with mujoco.viewer.launch_passive(body.model, data, key_callback=pressed.append) as window:
        window.cam.azimuth, window.cam.distance = 0.0, 4.0  # looks along +x
        steered.command(heading)
        due = time.perf_counter()
        while window.is_running():
            while pressed:
                command = bindings.command(pressed.pop(0))
                if command is not None:
                    heading = heading.obey(command)
                    steered.command(heading)
                    say(f"{command}, {heading.speed:.1f} m/s")
            if steered.step():
                say("fell; standing up again")
                steered.reset()
            physics = steered.env.physics
            with window.lock():
                data.qpos[:] = physics.qpos[0]
                colours = muscle_colours(physics.activation[0])
                body.model.tendon_rgba[body.model.actuator_trnid[:, 0], :3] = colours
                mujoco.mj_forward(body.model, data)
                window.cam.lookat[:] = (*physics.qpos[0, :2], 0.85)
            window.sync()
            due += 1 / FPS
            time.sleep(max(0.0, due - time.perf_counter()))
            due = max(due, time.perf_counter() - 0.2)  # a slow machine falls behind instead of racing later
