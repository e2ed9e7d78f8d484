"""Does a policy use its muscles as people do? Plays it, measures it, and writes a report to read in a browser.

Examples:
    kinesis report --emg emg_assets --controls emg_assets --out report
    kinesis report --policy runs/mine/policy --controls report/policy --out mine
    kinesis report --text "walk forward for 8 meters" --out healthy
    kinesis report --text "walk forward for 8 meters" --lesion tibant_l --against healthy --out lesioned
    kinesis report --policy motion --motions my_walk.pkl --out motion
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from kinesis_trl.body.fatigue import Condition
from kinesis_trl.body.simulator import PhysicsConfig
from kinesis_trl.commands import BodyOptions, finish, run_command
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.physiology.facts import WALKING_SPEEDS
from kinesis_trl.shipped import SHIPPED_POLICY, asset

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.body.model import BodyModel
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.physiology.activity import Activity
    from kinesis_trl.physiology.emg_data import EmgData
    from kinesis_trl.physiology.recording import Recording
    from kinesis_trl.planning.controllers import Player

MOTION = "motion"
"""Policy that plays nothing: the report is on the motion itself."""
SOLVED = "static optimisation"
WALK = "walk forward at 1.3 m/s for 12 meters"
"""What is reported on when neither motions nor words are given: the walking that published curves are of."""
MOST_PERSONS = 100
_LARGEST = 50_000_000
_COLOURS = {"good": "green", "fair": "yellow", "poor": "red", "unknown": "dim"}


@dataclass(frozen=True, kw_only=True)
class ReportConfig(BodyOptions):
    """What to report on, and what to compare it with."""

    policy: Annotated[str, tyro.conf.arg(aliases=["--checkpoint"])] = ""
    """A run's policy folder, an original model.pth, or zero, random, reference, regulator; motion reports on the
    motion itself; '' takes the policy that ships."""
    motions: str = ""
    """locomotion-v1/train, /test or /demo, a folder written by kinesis prepare, or motion files of any format."""
    text: str = ""
    """What to do, in words, instead of motions; without either, straight walking at the speed of published curves."""
    persons: int = 8
    """Persons, each with a gait of their own, who do what the words say."""
    clips: tuple[str, ...] = ()
    """Clips to take, by name or a part of it; none: all."""
    out: Path = Path("report")
    """Folder for page, figures and recordings."""
    emg: Path | None = None
    """Recorded muscle activity: the folder emg_assets of Wang et al. 2023, or a CSV table of your own."""
    controls: tuple[Path, ...] = ()
    """Recorded muscle activity of other controllers to show beside: the folder emg_assets (it holds a run of the
    original's policy), another report's folder of recordings (REPORT/policy), a recording.npz, or a CSV table."""
    against: Path | None = None
    """Folder of another report, to compare with (a lesion, a weaker body, another policy)."""
    lesion: tuple[str, ...] = ()
    """Muscles whose excitation is cut, by name."""
    strength: float = 1.0
    """Share of its excitation that every muscle receives, 0 to 1."""
    condition: Condition = None
    """Whether muscles tire: healthy, or fatigue with parameters as FIELD=VALUE, as of kinesis eval."""
    all_strides: bool = False
    """Also count strides of turning, running, walking sideways or backward; published curves hold for none of these."""
    speeds: tuple[float, float] = WALKING_SPEEDS
    """Slowest and fastest stride that is counted, in m/s."""
    solved: bool = True
    """Show static optimisation of the same clips beside the policy."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of the bootstrap, of the random policy, and of the first person who does what the words say."""

    def __post_init__(self) -> None:
        if not 1 <= self.persons <= MOST_PERSONS:
            raise ValueError(f"persons must lie between 1 and {MOST_PERSONS}, got {self.persons}.")
        if not 0 <= self.speeds[0] < self.speeds[1]:
            raise ValueError(f"speeds are the slowest and the fastest stride in m/s, got {self.speeds}.")
        if self.motions and self.text:
            raise ValueError("give motions or text, not both.")


def report(config: ReportConfig, console: Console) -> dict[str, Any]:
    """Play, measure, write page, figures and recordings; print a summary; return the figures."""
    from kinesis_trl.agents.provenance import provenance
    from kinesis_trl.atomic import write_text
    from kinesis_trl.physiology.analysis import analyse, plain
    from kinesis_trl.physiology.page import page
    from kinesis_trl.physiology.storage import export_opensim
    from kinesis_trl.physiology.strides import Run
    from kinesis_trl.progress import progress

    body = config.load_body()
    said: list[str] = []
    emg, controls, against = _emg(config.emg, said), _controls(config, said), read_report(config.against)
    player = _player(config, body)
    library, chosen = _open(config, body, player, console, said)
    runs = []
    if player is not None:
        runs.append(Run(title="policy", recordings=_play(config, body, player, library, chosen, console)))
    if config.solved or player is None:
        runs.append(Run(title=SOLVED, recordings=_solve(body, library, chosen, console, said), replayed=True))
    with console.status("analysing"):
        figures = analyse(
            runs,
            body,
            emg=emg,
            controls=controls,
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
    written: list[str] = []
    figures["recordings"] = written  # an older report's may lie beside
    with progress(console, "writing", sum(len(run.recordings) for run in runs), "recordings") as advance:
        for run in runs:
            for number, recording in enumerate(run.recordings):
                place = Path(run.title.replace(" ", "_")) / _folder_name(number, recording)
                recording.save(config.out / place / "recording.npz")
                export_opensim(recording, config.out / place)
                written.append(str(place))
                advance(1)
    write_text(config.out / "report.json", json.dumps(figures, indent=1, allow_nan=False))
    write_text(config.out / "report.html", page(figures, heading=_heading(config), facts=_facts(config, figures)))
    _print(figures, config.out, console)
    return figures


def read_report(folder: Path | None) -> dict[str, Any] | str:
    """Figures of another report by its folder or its report.json; why they cannot be read, or '' for none."""
    from kinesis_trl.physiology.analysis import FORMAT, VERSION

    if folder is None:
        return ""
    path = folder / "report.json" if folder.is_dir() else folder
    if not path.is_file():
        return f"no report at {path}; give the --out of another report."
    if path.stat().st_size > _LARGEST:
        return f"{path} has {path.stat().st_size} bytes, more than any report."
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return f"{path} cannot be read ({error}); make it anew."
    about = (found.get("format"), found.get("version")) if isinstance(found, dict) else (type(found).__name__, None)
    if about != (FORMAT, VERSION):
        return f"{path} is {about[0]!r} version {about[1]}, expected {FORMAT!r} {VERSION}; make it anew."
    return found


def _emg(path: Path | None, said: list[str]) -> EmgData | str:
    """Recorded EMG, or why there is none: the report appears without it."""
    from kinesis_trl.physiology.emg_data import DOWNLOAD, EmgError, load_emg_csv, load_wang2023

    if path is None:
        return f"No recorded muscle activity was given (--emg). {DOWNLOAD} Or give a CSV table of your own."
    try:
        data = load_wang2023(path) if path.is_dir() else load_emg_csv(path)
    except EmgError as error:
        said.append(f"recorded muscle activity: {error}")
        return str(error)
    said += [f"{path}: {note}" for note in data.notes]
    return data


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


def _player(config: ReportConfig, body: BodyModel) -> Player | None:
    from kinesis_trl.planning.controllers import make_player

    if config.policy == MOTION:
        return None
    physics = PhysicsConfig(
        threads=config.threads, lesions=config.lesion, strength=config.strength, condition=config.condition
    )
    policy = config.policy or str(asset(SHIPPED_POLICY))
    return make_player(policy, body, ImitationConfig(physics=physics), seed=config.seed)


def _open(
    config: ReportConfig, body: BodyModel, player: Player | None, console: Console, said: list[str]
) -> tuple[MotionLibrary, list[int]]:
    from kinesis_trl.envs.imitation import inverse_for
    from kinesis_trl.motion.gait.language import text_to_clip
    from kinesis_trl.motion.library import MotionLibrary
    from kinesis_trl.motion.sources import open_library
    from kinesis_trl.progress import counting

    inverse = inverse_for(player.settings.control) if player else None
    with counting(console, "preparing motions", "clips") as on_clip:
        if not config.motions:
            clips = [text_to_clip(config.text or WALK, body, config.seed + k) for k in range(config.persons)]
            library = MotionLibrary.build(clips, body, inverse=inverse, workers=config.threads, on_solved=on_clip)
        else:
            library, refused = open_library(
                config.motions,
                body,
                inverse=inverse,
                workers=config.threads,
                on_clip=on_clip,
            )
            said += [f"{item.name}: {item.reason}" for item in refused]
    names = [entry.name for entry in library.clips]
    chosen = [k for k, name in enumerate(names) if not config.clips or any(part in name for part in config.clips)]
    if not chosen:
        raise ValueError(f"no clip is called {' or '.join(config.clips)}; there are {', '.join(names[:20])}.")
    return library, chosen


def _play(
    config: ReportConfig,
    body: BodyModel,
    player: Player,
    library: MotionLibrary,
    chosen: Sequence[int],
    console: Console,
) -> tuple[Recording, ...]:
    from kinesis_trl.envs.imitation import ImitationEnv
    from kinesis_trl.physiology.recorder import record
    from kinesis_trl.progress import progress

    player.check(ImitationEnv(body, library, player.settings))
    steps = int((library.frames[list(chosen)] - 1).sum())
    with progress(console, "playing", steps, "frames") as advance:
        return tuple(record(body, library, player.policy, player.settings, clips=chosen, on_step=advance))


def _solve(
    body: BodyModel, library: MotionLibrary, chosen: Sequence[int], console: Console, said: list[str]
) -> tuple[Recording, ...]:
    """The motions themselves with the muscle activity that static optimisation finds, as far as it finds any."""
    from kinesis_trl.body.inverse import InverseError
    from kinesis_trl.physiology.replay import replay
    from kinesis_trl.progress import progress

    found = []
    with progress(console, "solving", len(chosen), "clips") as advance:
        for index in chosen:
            try:
                found.append(replay(body, library, index))
            except InverseError as error:
                said.append(f"{SOLVED} of {library.clips[index].name}: {error}")
            advance(1)
    return tuple(found)


def _folder_name(number: int, recording: Recording) -> str:
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in recording.clip)[:60]
    return f"{number:03d}_{name}"


def _heading(config: ReportConfig) -> str:
    what = "the motion itself" if config.policy == MOTION else config.policy or "the shipped policy"
    return f"Physiology report: {what}, {config.motions or config.text or 'straight walking'}"


def _facts(config: ReportConfig, figures: dict[str, Any]) -> list[str]:
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

    counts = {state: sum(s["state"] == state for s in figures["sections"].values()) for state in _COLOURS}
    console.print(
        f"Of {sum(counts.values())} comparisons with people, {counts['good']} are good, "
        f"{counts['fair']} fair and {counts['poor']} poor; {counts['unknown']} cannot be made.",
        highlight=False,
    )
    table = Table(title="Does it move and use its muscles as people do?", title_justify="left")
    for column in ("section", "verdict", "in one sentence"):
        table.add_column(column, overflow="fold")
    for name, section in figures["sections"].items():
        state = section["state"]
        table.add_row(TITLES[name], Text(STATES[state], style=_COLOURS[state]), Text(section["sentence"]))
    console.print(table)
    for run in figures["runs"]:
        right, left = run["strides"]
        text = f"{run['title']}, clips: {len(run['clips'])}, {run['fell']} fell, {right} + {left} strides right + left"
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
