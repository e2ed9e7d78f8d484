"""Evaluate a policy: following clips, reaching goals, obeying commands, or doing what a sentence says.

Examples:
    python -m kinesis_trl.eval --policy reference --motions locomotion-v1/test --json out.json --video out.mp4
    python -m kinesis_trl.eval --task point-goal --goals 1000 --picture goals.png
    python -m kinesis_trl.eval --task directional --picture ride.png
    python -m kinesis_trl.eval --task text --text "walk in a circle, then walk backward"
    python -m kinesis_trl.eval --task text --clip mdm_walk.pkl --rehearse --lesion tibant_l --strength 0.7
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from kinesis_trl.agents.provenance import provenance
from kinesis_trl.atomic import write_text
from kinesis_trl.body.model import BodyModel, load_body
from kinesis_trl.body.muscles import lesion_mask
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.commands import open_motions, run_command
from kinesis_trl.envs.directional import Heading
from kinesis_trl.envs.imitation import ImitationConfig, ImitationEnv, inverse_for
from kinesis_trl.envs.point_goal import PointGoalConfig
from kinesis_trl.evaluation.directional import (
    SCRIPT,
    PlannerRider,
    draw_ride,
    make_rider,
    report_ride,
    ride,
    ride_table,
)
from kinesis_trl.evaluation.keyboard import Bindings, DisplayError, has_display, require_display, steer_live
from kinesis_trl.evaluation.metrics import evaluate_episodes
from kinesis_trl.evaluation.point_goal import draw_trips, report_trips, travel_to_goals, trip_table
from kinesis_trl.evaluation.rendering import PictureConfig, RenderError
from kinesis_trl.evaluation.rollout import play_clips
from kinesis_trl.evaluation.tables import clip_table, summary_table, write_picture
from kinesis_trl.evaluation.video import (
    SHEET_EVERY,
    Run,
    spread_over_categories,
    write_episodes,
    write_runs,
    write_sheet,
)
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import FPS, MotionLibrary
from kinesis_trl.planning.controllers import Control, Player, Sensing, make_player, muscles_named
from kinesis_trl.planning.mppi import LookaheadConfig
from kinesis_trl.planning.optimise import Rehearsal, RehearsalConfig
from kinesis_trl.progress import progress
from kinesis_trl.shipped import GOAL_POLICIES, SHIPPED_POLICY, asset


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """What to evaluate, on what, and what to write."""

    task: Literal["imitation", "point-goal", "directional", "text"] = "imitation"
    """Which task."""
    policy: str = ""
    """A run's policy folder, an original model.pth, or zero, random, reference (target lengths = the reference's
    muscle lengths) or regulator (the feedback of rehearsed motions); '' takes the regulator for rehearsed motions
    unless it shall look ahead, the policy that ships for others, and for route policy the one of the task."""
    motions: str = "locomotion-v1/test"
    """locomotion-v1/train, /test or /demo, a folder written by kinesis_trl.prepare, or motion files of any format."""
    text: str = ""
    """What to do, in words; task text."""
    clip: Path | None = None
    """File of one motion or some, of any format we read, to follow instead of a sentence; task text."""
    rehearse: bool = False
    """Search each clip for a motion that the body can keep up, by the policy, and follow that by a regulator, as
    kinesis_trl.rehearse does; about ten seconds for each second of motion, once. Tasks imitation and text."""
    lookahead: LookaheadConfig = field(default_factory=LookaheadConfig)
    """Whether the policy tries out its steps in imagination, and how; takes the simulation as many times as futures
    and steps together."""
    route: Literal["planner", "policy"] = "planner"
    """planner: a policy of imitation follows what the gait planner lays; policy: a policy fine-tuned for the task
    sees the goal itself; tasks point-goal and directional."""
    goals: int = 1000
    """How many goals; task point-goal."""
    hold: float = 6.0
    """Seconds that each of the 20 commands holds; task directional."""
    interactive: bool = False
    """Command the body by keys instead of by a script, in MuJoCo's window, or without a display on a page for the
    browser; task directional."""
    keys: tuple[str, ...] = ()
    """Keys besides the numeric keypad's, as KEY=COMMAND, such as w=away; task directional."""
    body: str = "myolegs"
    """Body by name, or a path to a KINESIS model file."""
    control: Control | None = None
    """Action as target lengths of a length controller (pd), as excitations (direct), or as a correction of the
    reference's inverse solution (feedforward); None takes what the policy was trained with, else pd."""
    sensing: Sensing | None = None
    """Which moment the policy sees, see PhysicsConfig; None takes what the policy was trained with, and original
    for an original model.pth."""
    lesion: tuple[str, ...] = ()
    """Muscles whose excitation is cut, by name: tibant_l,tibant_r or tibant_l tibant_r."""
    strength: float = 1.0
    """Share of its excitation that every muscle receives, 0 to 1."""
    json: Path | None = None
    """Write all figures to this file."""
    picture: Path | None = None
    """Write a chart by category, or the paths gone, to this .png or .svg."""
    video: Path | None = None
    """Write a video of some clips side by side, each with the outline of the motion to follow, to this .mp4; with task
    text it is text.mp4 unless you say otherwise."""
    drawing: PictureConfig = field(default_factory=PictureConfig)
    """Size, camera and shadows of the video."""
    sheet: Path | None = None
    """Write what the video would show as one picture to this .png, a moment every fifth of a second; tasks imitation
    and text."""
    video_clips: int = 6
    """How many clips video and sheet show, spread evenly over the categories, or how many goals."""
    failure_dir: Path | None = None
    """Folder for reports on simulations that became non-finite."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of the random policy, of the goals, and of the person who does what a sentence says."""

    def __post_init__(self) -> None:
        defaults = {f.name: f.default for f in fields(self)}
        for name, tasks in _ONLY.items():
            if self.task not in tasks and getattr(self, name) != defaults[name]:
                raise ValueError(f"--{name} is for --task {' or '.join(tasks)}, not for {self.task}.")
        if self.task == "text" and bool(self.text) == bool(self.clip):
            raise ValueError('--task text needs --text "what to do" or --clip FILE, one of them.')
        if self.interactive and (self.json or self.picture or self.video or self.sheet):
            raise ValueError("--interactive measures nothing; leave out --json, --picture, --video and --sheet.")
        if self.rehearse and self.lookahead.futures:
            raise ValueError("--rehearse follows by a regulator, which does not look ahead; leave out one of the two.")
        if not self.hold >= 4.0:
            raise ValueError(f"--hold {self.hold:g}: a command must hold for at least 4 s to be judged.")


_ONLY = {
    "text": ("text",),
    "clip": ("text",),
    "route": ("point-goal", "directional"),
    "goals": ("point-goal",),
    "hold": ("directional",),
    "interactive": ("directional",),
    "keys": ("directional",),
    "motions": ("imitation",),
    "rehearse": ("imitation", "text"),
    "sheet": ("imitation", "text"),
}
"""Options of some tasks only."""
_SHARED = ("policy", "body", "lesion", "strength", "lookahead", "keys", "threads")
"""Options that the page has too."""


def main() -> None:
    """Parse the command line, evaluate, and report."""
    run_command(EvalConfig, evaluate, name="eval", description=__doc__, expected=(DisplayError, RenderError))


def evaluate(config: EvalConfig, console: Console) -> dict[str, Any]:
    """Carry out the task, print the tables, write what was asked for; returns the report."""
    if config.interactive and not has_display():
        return _on_page(config, console)
    bindings = Bindings.of(config.keys)
    body = load_body(config.body)
    lesion_mask(body.muscle_names, muscles_named(config.lesion))  # refused now, not after paths were laid
    player = _player(config, body)
    if config.interactive:
        steer_live(make_rider(body, player, config.route), body, bindings, Heading(speed=0.8), console.print)
        return {}
    report: dict[str, Any] = {
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "provenance": provenance(),
    }
    started = time.perf_counter()
    report |= {"imitation": _imitation, "text": _imitation, "point-goal": _point_goal, "directional": _directional}[
        config.task
    ](config, body, player, console)
    report["seconds"] = time.perf_counter() - started
    console.print(f"{report['seconds']:.1f} s on {config.threads} threads")
    if config.json:
        write_text(config.json, json.dumps(report, indent=1))
        console.print(f"wrote {config.json}")
    return report


def _on_page(config: EvalConfig, console: Console) -> dict[str, Any]:
    """Steer in the browser; what the page cannot do needs the window, and so a display."""
    if config.route == "policy" or config.control or config.sensing:
        require_display()
    from kinesis_trl.view import ViewConfig, view  # noqa: PLC0415
    from kinesis_trl.viewer.server import ViewerError  # noqa: PLC0415  a web server nothing else here needs

    console.print("There is no display, so the keys are taken by a page.")
    shared = {name: getattr(config, name) for name in _SHARED}
    try:
        view(ViewConfig(task="directional", motions="locomotion-v1/demo", **shared), console)
    except ViewerError as error:
        raise DisplayError(str(error)) from error
    return {}


def _imitation(config: EvalConfig, body: BodyModel, player: Player, console: Console) -> dict[str, Any]:
    library = _open(config, player.settings.control, body, console)
    if config.rehearse:
        policy = Path(config.policy) if config.policy else asset(SHIPPED_POLICY)
        rehearsal = Rehearsal(body, library, policy, player, RehearsalConfig())
        library = rehearsal.cached(workers=config.threads, progress=partial(progress, console))
    if library.feedback is not None and (config.rehearse or not (config.policy or config.lookahead.futures)):
        player = make_player("regulator", body, player.settings, control=config.control)
    player.check(ImitationEnv(body, library, replace(player.settings, num_envs=1)))
    video = config.video or (Path("text.mp4") if config.task == "text" else None)
    shown = spread_over_categories(library, config.video_clips) if video or config.sheet else []
    with progress(console, "imitating", int((library.frames - 1).sum()), "frames") as advance:
        episodes = play_clips(
            body, library, player.policy, player.settings, keep_states=frozenset(shown), on_step=advance
        )
    report = evaluate_episodes(episodes, library.clips)
    console.print(clip_table(report), summary_table(report), f"{len(library)} clips")
    if config.picture:
        write_picture(report, config.picture)
        console.print(f"wrote {config.picture}")
    if video:
        chosen = [episodes[i] for i in shown]
        with progress(console, "drawing", max(len(e.distance) for e in chosen), "frames") as advance:
            write_episodes(video, body, library, chosen, picture=config.drawing, on_frame=lambda: advance(1))
        console.print(f"wrote {video}")
    if config.sheet:
        chosen = [episodes[i] for i in shown]
        total = sum(len(e.distance) // SHEET_EVERY + 1 for e in chosen)
        with progress(console, "drawing", total, "pictures") as advance:
            write_sheet(config.sheet, body, library, chosen, on_frame=lambda: advance(1))
        console.print(f"wrote {config.sheet}")
    return report


def _point_goal(config: EvalConfig, body: BodyModel, player: Player, console: Console) -> dict[str, Any]:
    rules = PointGoalConfig()
    keep = config.video_clips if config.video else 0
    laid = config.goals if config.route == "planner" else 0
    with progress(console, "reaching", config.goals * rules.steps + laid, "paths and steps") as advance:
        trips, paths = travel_to_goals(
            body,
            player,
            config.route,
            rules,
            count=config.goals,
            seed=config.seed,
            keep=keep,
            on_path=advance,
            on_step=advance,
        )
    report = report_trips(trips)
    console.print(trip_table(report))
    if config.picture:
        draw_trips(trips, config.picture)
        console.print(f"wrote {config.picture}")
    if config.video:
        runs = [
            Run(f"goal {t.goal[0]:+.2f} {t.goal[1]:+.2f}", t.qpos, t.activation, _ghost(paths, i))
            for i, t in enumerate(trips[:keep])
            if t.qpos is not None and t.activation is not None
        ]
        _write_runs(config.video, body, runs, config.drawing, console)
    return report


def _ghost(paths: Sequence[MotionLibrary], trip: int) -> NDArray[np.float64] | None:
    """Reference (T, nq) of one of the first trips, where there is one."""
    if not paths:
        return None
    entry = paths[0].clips[trip]
    return paths[0].qpos[entry.start : entry.start + entry.frames].numpy()


def _directional(config: EvalConfig, body: BodyModel, player: Player, console: Console) -> dict[str, Any]:
    rider = make_rider(body, player, config.route)
    states: list[tuple[NDArray[np.float64], ...]] = []

    def keep() -> None:
        physics = rider.env.physics
        ghost = (rider.env.reference_qpos,) if isinstance(rider, PlannerRider) else ()
        states.append((physics.qpos[0].copy(), physics.activation[0].copy(), *ghost))

    with progress(console, "riding", round(len(SCRIPT) * config.hold * FPS), "frames") as advance:
        segments = ride(rider, hold=config.hold, on_step=advance, on_frame=keep if config.video else None)
    report = report_ride(segments, config.hold)
    console.print(ride_table(report))
    if config.picture:
        draw_ride(segments, config.picture)
        console.print(f"wrote {config.picture}")
    if config.video:
        arrays = [np.stack(column) for column in zip(*states, strict=True)]
        _write_runs(config.video, body, [Run("directional", *arrays)], config.drawing, console)
    return report


def _write_runs(path: Path, body: BodyModel, runs: Sequence[Run], drawing: PictureConfig, console: Console) -> None:
    with progress(console, "drawing", max(len(run.qpos) for run in runs), "frames") as advance:
        write_runs(path, body, runs, picture=drawing, on_frame=lambda: advance(1))
    console.print(f"wrote {path}")


def _open(config: EvalConfig, control: str, body: BodyModel, console: Console) -> MotionLibrary:
    inverse = inverse_for(control)
    if config.text:
        return MotionLibrary.build([text_to_clip(config.text, body, config.seed)], body, inverse=inverse)
    return open_motions(config.clip or config.motions, body, console, inverse=inverse, workers=config.threads)


def _player(config: EvalConfig, body: BodyModel) -> Player:
    physics = PhysicsConfig(
        threads=config.threads,
        lesions=muscles_named(config.lesion),
        strength=config.strength,
        failure_dir=config.failure_dir,
    )
    shipped = f"{GOAL_POLICIES}/{config.task}" if config.route == "policy" else SHIPPED_POLICY
    return make_player(
        config.policy or str(asset(shipped)),
        body,
        ImitationConfig(physics=physics),
        control=config.control,
        sensing=config.sensing,
        seed=config.seed,
        lookahead=config.lookahead,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
