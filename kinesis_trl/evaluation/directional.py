"""Directional control, evaluated: a script of commands, and how soon and how well they are obeyed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table
from scipy.ndimage import uniform_filter1d

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.directional import Heading
from kinesis_trl.envs.goal_config import DirectionalConfig
from kinesis_trl.evaluation.point_goal import times
from kinesis_trl.evaluation.steering import SteeringController, steering_controller
from kinesis_trl.evaluation.task import Report, Route, Task
from kinesis_trl.motion.library import FPS
from kinesis_trl.planning.controllers import Player

Array = NDArray[np.float64]

SCRIPT = (
    "away", "away left", "left", "towards left", "towards", "towards right", "right", "away right", "stop", "away",
    "faster", "faster", "left", "slower", "slower", "right", "stop", "towards", "away left", "stop",
)  # fmt: skip
"""Every command at least once; two minutes at six seconds each."""
_STEADY = 3.0  # s at the end of a command that count as steady
_STRIDE = 1.0  # s over which a velocity is averaged, about a stride
_SOON = 0.5  # s over which it is averaged to tell when a command is obeyed
_OBEYED_ANGLE, _OBEYED_SPEED, _STANDING = np.radians(30.0), 0.5, 0.2
_KEPT = 0.8  # share of the next second in which a command must be obeyed too


@dataclass(frozen=True)
class Segment:
    """One command of a script, and what the body did."""

    command: str
    """What was commanded."""
    direction: float | None
    """Direction then asked for in radians, None: stand."""
    speed: float
    """Speed then asked for in m/s; 0: stand."""
    falls: int
    """How often the body fell; it then stood up at the origin."""
    path: Array
    """(T + 1, 2) of the root on the floor in metres, from the last fall on."""
    before: Array
    """(2,) velocity asked for before, m/s."""

    @property
    def wanted(self) -> Array:
        """(2,) velocity asked for, m/s."""
        if self.direction is None:
            return np.zeros(2)
        return self.speed * np.array([np.cos(self.direction), np.sin(self.direction)])

    def velocity(self, seconds: float) -> Array:
        """(T, 2) velocity averaged over a time, m/s."""
        return uniform_filter1d(np.diff(self.path, axis=0) * FPS, round(seconds * FPS), axis=0, mode="nearest")

    def score(self) -> dict[str, float | None]:
        """direction_error (degrees) and speed_error (m/s) when steady, response (s); None where there is none.

        A segment with a fall has no figures: its falls are counted. The response is the time until the velocity of
        half a second has come, for four fifths of the following second at least, within 30° of the direction and within
        half of the change of speed asked for; until it is below 0.2 m/s for a stop.
        """
        if self.falls:
            return {"direction_error": None, "speed_error": None, "response": None}
        steady = self.velocity(_STRIDE)[-round(_STEADY * FPS) :]
        speed = np.linalg.norm(steady.mean(0))
        moving = self.direction is not None and speed > 0.05
        return {
            "direction_error": float(np.degrees(np.abs(_between(steady, self.wanted)).mean())) if moving else None,
            "speed_error": float(abs(speed - np.linalg.norm(self.wanted))),
            "response": self._response(),
        }

    def _response(self) -> float | None:
        soon = self.velocity(_SOON)
        speed, wanted = np.linalg.norm(soon, axis=1), float(np.linalg.norm(self.wanted))
        if wanted == 0.0:
            obeyed = speed < _STANDING
        else:
            aligned = np.abs(_between(soon, self.wanted)) < _OBEYED_ANGLE
            turned = abs(_between(self.before[None], self.wanted)[0]) > _OBEYED_ANGLE
            change = wanted if turned or not self.before.any() else abs(wanted - float(np.linalg.norm(self.before)))
            obeyed = aligned & (np.abs(speed - wanted) <= max(_OBEYED_SPEED * change, 0.05))
        window = round(FPS)
        kept = (
            np.convolve(np.pad(obeyed.astype(float), (0, window - 1), mode="edge"), np.ones(window), "valid") / window
        )
        obeyed &= kept >= _KEPT
        return float(obeyed.argmax()) / FPS if obeyed.any() else None


def _between(velocity: Array, wanted: Array) -> Array:
    """Angles (T,) in radians from `wanted` (2,) to velocities (T, 2)."""
    angle = np.arctan2(velocity[:, 1], velocity[:, 0]) - np.arctan2(wanted[1], wanted[0])
    return (angle + np.pi) % (2 * np.pi) - np.pi


def obey(
    body: SteeringController,
    script: Sequence[str] = SCRIPT,
    *,
    hold: float = 6.0,
    start: Heading | None = None,
    on_step: Callable[[int], None] | None = None,
    on_frame: Callable[[], None] | None = None,
) -> list[Segment]:
    """Carry out a script of commands, `hold` seconds each; a body that fell stands up and goes on.

    Args:
        body: that is commanded.
        script: names of commands.
        hold: seconds of each.
        start: speed before the first command; default 0.8 m/s.
        on_step: called with 1 after every step, for progress.
        on_frame: called after every step, to look at the body.

    Raises:
        UnknownCommandError: a name that is no command.
    """
    heading = start or Heading(speed=0.8)
    for name in script:  # before anything moves
        heading.obey(name)
    segments = []
    body.command(heading)
    for name in script:
        before, heading = heading, heading.obey(name)
        body.command(heading)
        falls, path = 0, [body.env.physics.qpos[0, :2].copy()]
        for _ in range(round(hold * FPS)):
            if body.step():
                falls += 1
                body.reset()
                path = []
            path.append(body.env.physics.qpos[0, :2].copy())
            if on_step is not None:
                on_step(1)
            if on_frame is not None:
                on_frame()
        speed = heading.speed if heading.direction is not None else 0.0
        segments.append(Segment(name, heading.direction, speed, falls, np.array(path), before.velocity))
    return segments


def report_commands(segments: Sequence[Segment], hold: float = 6.0) -> Report:
    """Summary and every command, as JSON values."""
    scores = [s.score() for s in segments]

    def mean(name: str) -> float | None:
        values = [value for s in scores if (value := s[name]) is not None]
        return float(np.mean(values)) if values else None

    responses = [s["response"] for s, seg in zip(scores, segments, strict=True) if not seg.falls]
    return {
        "summary": {
            "seconds": hold * len(segments),
            "falls": sum(s.falls for s in segments),
            "commands": len(segments),
            "commands_without_fall": sum(not s.falls for s in segments),
            "never_obeyed": sum(r is None for r in responses),
            "direction_error_deg": mean("direction_error"),
            "speed_error_m_s": mean("speed_error"),
            "response_s": mean("response"),
            "longest_response_s": max((r for r in responses if r is not None), default=None),
        },
        "commands": [
            {k: v for k, v in asdict(seg).items() if k not in ("path", "before")} | score
            for seg, score in zip(segments, scores, strict=True)
        ],
    }


def verdict(report: Report) -> str:
    """The result in words: how many commands were carried out, how exactly, and how often the body fell."""
    total = report["summary"]
    said = f"{total['commands_without_fall']} of {total['commands']} commands were carried out without a fall"
    if total["direction_error_deg"] is not None:
        said += f", {total['direction_error_deg']:.0f}° off their direction on average"
    return f"{said}; the body fell {times(total['falls'])} in {total['seconds']:.0f} s."


def command_table(report: Report) -> Table:
    """One line a command, and the summary."""
    table = Table(title="Directional control; errors over the last 3 s of each command without a fall")
    table.add_column("command")
    for column in ("direction °", "speed m/s", "falls", "direction error °", "speed error m/s", "response s"):
        table.add_column(column, justify="right")

    def cell(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    for row in report["commands"]:
        table.add_row(
            row["command"],
            cell(None if row["direction"] is None else np.degrees(row["direction"]), 0),
            cell(row["speed"], 1),
            str(row["falls"]),
            cell(row["direction_error"], 1),
            cell(row["speed_error"], 2),
            cell(row["response"], 2),
        )
    table.add_section()
    total = report["summary"]
    table.add_row(
        f"all, {total['seconds']:.0f} s",
        "",
        "",
        str(total["falls"]),
        cell(total["direction_error_deg"], 1),
        cell(total["speed_error_m_s"], 2),
        cell(total["response_s"], 2),
        style="bold",
    )
    return table


def draw_commands(segments: Sequence[Segment], path: Path) -> None:
    """Every command's path from where it was given, and the velocity asked for as an arrow, as .png or .svg."""
    columns = min(5, len(segments))
    rows = -(-len(segments) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    reach = 1.1 * max(1.0, *(float(np.abs(s.path - s.path[0]).max()) for s in segments))
    for panel, segment in zip(panels, segments, strict=False):
        way = segment.path - segment.path[0]
        panel.plot(-way[:, 1], way[:, 0], color="#b3262a" if segment.falls else "#33658a", lw=1.5)
        aim = segment.wanted
        if aim.any():
            x, y = -2.0 * aim[1], 2.0 * aim[0]
            panel.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": "#d98a29", "lw": 1.5})
        title = segment.command + (f" ({segment.falls} falls)" if segment.falls else "")
        panel.set(aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach), title=title)
        panel.grid(alpha=0.3)
    for panel in panels[len(segments) :]:
        panel.set_visible(False)
    figure.suptitle("seen from above, viewer below; arrow: two seconds at the velocity asked for; metres", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _evaluate(body: BodyModel, player: Player, route: Route, task: DirectionalConfig, seed: int) -> Report:
    """The script of two minutes."""
    return report_commands(obey(steering_controller(body, player, route, task)))


TASK = Task(evaluate=_evaluate, table=command_table, verdict=verdict)
"""Directional control."""
