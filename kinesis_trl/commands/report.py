"""Report whether a policy uses its muscles as people do: play it, measure it, and write a page for the browser.

Examples:
    kinesis report --emg emg_assets --controls emg_assets --out report
    kinesis report --policy runs/mine/policy --since report --out mine
    kinesis report --lesion tibant_l tibant_r --out lesioned
    kinesis report --emg emg_assets --every-speed --out speeds
    kinesis report --policy motion --motions my_walk.pkl --out motion
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from kinesis_trl.commands import finish, run_command
from kinesis_trl.commands._options import LesionOptions
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.facts import WALKING_SPEEDS
from kinesis_trl.planning.config import MppiConfig
from kinesis_trl.shipped import SHIPPED_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.motion.clip import MotionClip
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.motion.solving import SolveConfig
    from kinesis_trl.physiology.activity import Activity
    from kinesis_trl.physiology.playing import Column
    from kinesis_trl.physiology.strides import Run

MOTION = "motion"
"""Policy that plays nothing: the report is on the motion itself."""
SOLVED = "static optimisation"
WALK = "walk forward at 1.3 m/s for 12 meters"
"""What is reported on when neither motions nor words are given: the walking that published curves are of."""
MOST_WALKERS = 100
_COLOURS = {"good": "green", "fair": "yellow", "poor": "red", "unknown": "dim"}


@dataclass(frozen=True, kw_only=True)
class ReportConfig(LesionOptions):
    """What to report on, and what to compare it with."""

    policy: Annotated[str, tyro.conf.arg(aliases=["--checkpoint"])] = ""
    """A run's policy folder, an original model.pth, or zero, random, reference, regulator; motion reports on the
    motion itself; '' takes assets/policies/recorded."""
    motions: str = ""
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""
    text: str = ""
    """A sentence to carry out instead of motions; without either, straight walking at the speed of published curves."""
    walkers: int = 8
    """Generated walkers, each with a gait of its own, that carry out the sentence."""
    clips: tuple[str, ...] = ()
    """Clips to take, by name or a part of it; none: all."""
    out: Path = Path("report")
    """Folder for page, figures and recordings."""
    emg: tuple[Path, ...] = ()
    """Recorded people: the folder emg_assets of Wang et al. 2023, the folder of Falisse et al. 2019 (its
    ExperimentalData.mat also has joints), or CSV tables of your own. Verdicts count the first, others stand beside."""
    controls: tuple[Path, ...] = ()
    """Recorded muscle activity of other controllers to show beside: the folder emg_assets (it holds a run of the
    original's policy), another report's folder of recordings (REPORT/policy), a recording.npz, or a CSV table."""
    since: Annotated[Path | None, tyro.conf.arg(aliases=["--against"])] = None
    """Another report, by its folder or report.json: what changed since, figure by figure."""
    lesion: tuple[str, ...] = ()
    """Muscles whose excitation is cut, by name; the same body with all its muscles walks beside."""
    strength: float = 1.0
    """Share of its excitation that every muscle receives, 0 to 1; below 1 the healthy body walks beside."""
    planner: MppiConfig = field(default_factory=MppiConfig)
    """A further column: MPPI about the policy: simulates samples × steps further steps before each step."""
    optimise: bool = False
    """A further column: trajectories optimised as by kinesis optimise and followed by a regulator; about ten seconds
    for each second of motion, once."""
    every_speed: bool = False
    """Also walk at the six speeds at which people's muscles were recorded, 0.9 to 5.4 km/h: likeness and cost by
    speed."""
    recorded: Path | None = None
    """Motion files, or a folder of them, whose straight walks also count for likeness and cost by speed."""
    rollouts: Path | None = None
    """Folder for what was played as rollouts of mm-evalkit, whose figures are made by other people's code."""
    all_strides: bool = False
    """Also count strides of turning, running, walking sideways or backward; published curves hold for none of these."""
    speeds: tuple[float, float] = WALKING_SPEEDS
    """Slowest and fastest stride that is counted, in m/s."""
    static_optimisation: bool = True
    """Show static optimisation of the same clips beside the policy."""
    seed: int = 0
    """Seed of the bootstrap, of the random policy, and of the first generated walker."""

    def __post_init__(self) -> None:
        if not 1 <= self.walkers <= MOST_WALKERS:
            raise ValueError(f"walkers must lie between 1 and {MOST_WALKERS}, got {self.walkers}.")
        if not 0 <= self.speeds[0] < self.speeds[1]:
            raise ValueError(f"speeds are the slowest and the fastest stride in m/s, got {self.speeds}.")
        if self.motions and self.text:
            raise ValueError("give motions or text, not both.")
        if self.policy == MOTION and (self.changed or self.planner.samples or self.optimise or self.rollouts):
            raise ValueError(
                "nothing is played with --policy motion; leave out --lesion, --strength, --planner, --optimise and "
                "--rollouts."
            )

    @property
    def changed(self) -> bool:
        """Whether the body is not healthy."""
        return bool(self.lesion) or self.strength < 1


def report(config: ReportConfig, console: Console) -> dict[str, Any]:
    """Play, measure, write page, figures and recordings; print a summary; return the figures."""
    from kinesis_trl.agents.provenance import provenance
    from kinesis_trl.atomic import write_text
    from kinesis_trl.envs.imitation import inverse_for
    from kinesis_trl.physiology.analysis import analyse, plain
    from kinesis_trl.physiology.page import page
    from kinesis_trl.physiology.pareto import read_report
    from kinesis_trl.physiology.people import load_people
    from kinesis_trl.physiology.playing import play, save_runs
    from kinesis_trl.physiology.rollouts import export_rollouts, full_body_channels

    body = config.load_body()
    against = read_report(config.since) if config.since else ""
    channels = full_body_channels() if config.rollouts else None  # refused now where it is not installed
    said: list[str] = []
    emg, people = load_people(config.emg, said)
    controls = _controls(config, said)
    columns = _columns(config, body)
    inverse = inverse_for(columns[0].player.settings.control) if columns[0].player else None
    library, chosen = _open(config, body, inverse, console, said)
    others = _groups(config, body, inverse, console, said)

    def played(library: MotionLibrary, chosen: Sequence[int]) -> list[Run]:
        return [play(c, body, library, chosen, console, said, threads=config.threads) for c in columns]

    runs = played(library, chosen)
    groups = {title: played(walked, range(len(walked))) for title, walked in others.items()}
    with console.status("analysing"):
        figures = analyse(
            runs,
            body,
            emg=emg,
            controls=controls,
            people=people,
            groups=groups or None,
            cut=config.cut if config.changed else None,
            against=against,
            straight=not config.all_strides,
            speeds=config.speeds,
            seed=config.seed,
        )
    figures["left_out"] = said
    for text in said:
        console.print(f"left out {text}", style="yellow", markup=False, highlight=False)
    figures["config"] = plain(asdict(config))
    figures["provenance"] = provenance() | {"machine": f"{platform.platform()}, {os.cpu_count()} cores"}
    figures["recordings"] = save_runs(runs, config.out, console)  # an older report's may lie beside
    write_text(config.out / "report.json", json.dumps(figures, indent=1, allow_nan=False))
    write_text(config.out / "report.html", page(figures, heading=_heading(config), facts=_facts(figures)))
    if channels and config.rollouts:
        policies = export_rollouts(runs, config.rollouts, *channels)
        evaluate = f"mm-evalkit evaluate wang --policy_config_file {policies} --plots_dir {config.rollouts / 'wang'}"
        console.print(f"rollouts: {evaluate}", markup=False, highlight=False, soft_wrap=True)
    _print(figures, config.out, console)
    return figures


def _controls(config: ReportConfig, said: list[str]) -> list[Activity]:
    """Activity recorded elsewhere; what cannot be read is said and left out."""
    from kinesis_trl.physiology.activity import load_activity

    found = []
    for path in config.controls:
        try:
            found.append(load_activity(path, straight=not config.all_strides, speeds=config.speeds))
        except ValueError as error:
            said.append(f"recorded controls: {error}")
    return found


def _columns(config: ReportConfig, body: BodyModel) -> list[Column]:
    """Who moves; the first is judged."""
    from kinesis_trl.physiology.playing import Column
    from kinesis_trl.planning.controllers import Player, make_player

    solved = [Column(title=SOLVED, player=None)]
    if config.policy == MOTION:
        return solved
    policy = config.policy or str(asset(SHIPPED_POLICY))

    def player(healthy: bool = False, planner: MppiConfig | None = None) -> Player:
        physics = replace(config.physics(), lesions=(), strength=1.0) if healthy else config.physics()
        return make_player(policy, body, ImitationConfig(physics=physics), seed=config.seed, planner=planner)

    title = "muscles cut" if config.cut else "weak muscles" if config.changed else "policy"
    found = [Column(title=title, player=player())]
    if config.changed:
        found.append(Column(title="healthy", player=player(healthy=True)))
    if config.planner.samples:
        found.append(Column(title="MPPI", player=player(planner=config.planner)))
    if config.optimise:
        found.append(Column(title="optimised", player=player(), optimise=Path(policy)))
    return found + solved * config.static_optimisation


def _open(
    config: ReportConfig, body: BodyModel, inverse: SolveConfig | None, console: Console, said: list[str]
) -> tuple[MotionLibrary, list[int]]:
    from kinesis_trl.motion.gait.language import text_to_clip

    if config.motions:
        library = _library(config.motions, config, body, inverse, console, said)
    else:
        clips = [text_to_clip(config.text or WALK, body, config.seed + k) for k in range(config.walkers)]
        library = _library(clips, config, body, inverse, console, said)
    names = [entry.name for entry in library.clips]
    chosen = [k for k, name in enumerate(names) if not config.clips or any(part in name for part in config.clips)]
    if not chosen:
        raise ValueError(f"no clip is called {' or '.join(config.clips)}; there are {', '.join(names[:20])}.")
    return library, chosen


def _groups(
    config: ReportConfig, body: BodyModel, inverse: SolveConfig | None, console: Console, said: list[str]
) -> dict[str, MotionLibrary]:
    """Walks at many speeds by what they are."""
    from kinesis_trl.motion.sources import as_clip
    from kinesis_trl.physiology.playing import straight_clips, walks_at_emg_speeds

    found = {}
    if config.every_speed:
        found["generated walks"] = walks_at_emg_speeds(config.walkers, body, config.seed)
    if config.recorded:
        every = _library(str(config.recorded), config, body, None, console, said)
        found["recorded walks"] = [as_clip(every, k) for k in straight_clips(every)]
        if not found["recorded walks"]:
            raise ValueError(f"{config.recorded}: none of its {len(every)} clips leads straight ahead.")
    return {title: _library(clips, config, body, inverse, console, said) for title, clips in found.items()}


def _library(
    source: str | list[MotionClip],
    config: ReportConfig,
    body: BodyModel,
    inverse: SolveConfig | None,
    console: Console,
    said: list[str],
) -> MotionLibrary:
    """Motions by their name or as clips, solved; what was left out is said."""
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.motion.sources import open_library
    from kinesis_trl.progress import counting

    with counting(console, "preparing motions", "clips") as on_clip:
        if not isinstance(source, str):
            return MotionLibrary.build(source, body, inverse=inverse, workers=config.threads, on_solved=on_clip)
        library, refused = open_library(source, body, inverse=inverse, workers=config.threads, on_clip=on_clip)
    said += [f"{item.name}: {item.reason}" for item in refused]
    return library


def _heading(config: ReportConfig) -> str:
    what = "the motion itself" if config.policy == MOTION else config.policy or SHIPPED_POLICY
    return f"Physiology report: {what}, {config.motions or config.text or 'straight walking'}"


def _facts(figures: dict[str, Any]) -> list[str]:
    asked = [f"{k}: {v}" for k, v in figures["config"].items() if v not in (None, "", [], ())]
    return [
        "Recorded at every physics step (150 a second); motions that were only replayed at 30 a second.",
        "A stride goes from one strike of a foot to its next, found by the force of the floor.",
        "All figures are in report.json; recordings are in its folder, as .npz and for OpenSim as .mot and .sto.",
        *asked,
        *(f"{k}: {v}" for k, v in figures["provenance"].items()),
    ]


def _print(figures: dict[str, Any], out: Path, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from kinesis_trl.physiology.page import STATES, TITLES

    judged = [s["state"] for name, s in figures["sections"].items() if name not in ("fatigue", "lesion", "comparison")]
    console.print(
        f"Of {len(judged)} comparisons with people, it is like people in {judged.count('good')}, partly in "
        f"{judged.count('fair')}, not in {judged.count('poor')}; {judged.count('unknown')} cannot be made.",
        highlight=False,
    )
    table = Table(title="Does it move and use its muscles as people do?", title_justify="left")
    for column in ("section", "verdict", "in one sentence"):
        table.add_column(column, overflow="fold")
    for name, section in figures["sections"].items():
        state = section["state"]
        table.add_row(
            TITLES[name], Text(section["word"] or STATES[state], style=_COLOURS[state]), Text(section["sentence"])
        )
    console.print(table)
    for run in figures["runs"]:
        right, left = run["strides"]
        text = f"{run['title']}: {len(run['clips'])} clips, falls: {run['fell']}, strides: {right} right, {left} left"
        console.print(f"{text}. {run['note']}" if run["note"] else text, markup=False, highlight=False)
    console.print(f"All figures are in {out / 'report.json'}; recordings beside, for OpenSim too.", markup=False)
    finish(console, out / "report.html", advice=f"open {out / 'report.html'} in a browser")


main = partial(
    run_command,
    ReportConfig,
    report,
    name="report",
    description=__doc__,
    stopped="stopped; files are whole, but some may be missing",
)
