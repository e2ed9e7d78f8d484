"""Study a laboratory's own trial: markers, force plates and EMG in; muscles, a controller and a report out.

Examples:
    kinesis trial walk.c3d --static static.c3d --out report
    kinesis trial markers.trc --forces grf.mot --emg emg.sto --out report
    kinesis trial walk.c3d --subject height=1.62,mass=58 --marker-map my_markers.yaml
    kinesis trial ik.mot --forces grf.mot --no-controller
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from kinesis_trl.commands import check_outputs, finish, run_command
from kinesis_trl.planning.config import MppiConfig

if TYPE_CHECKING:
    from rich.console import Console

    from kinesis_trl.trial.analysis import Study
    from kinesis_trl.trial.study import StudyConfig

_FILES = ("static", "forces", "emg")
_COLOURS = {"good": "green", "fair": "yellow", "poor": "red", "unknown": "dim"}
_ANSWERS = {"good": "yes", "fair": "partly", "poor": "no", "unknown": "not known"}


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """A trial's files, and what to do with them."""

    motion: Annotated[Path, tyro.conf.Positional]
    """Markers (.c3d, .trc), or joint angles of OpenSim (.mot, .sto)."""
    static: Path | None = None
    """Markers of the same person standing (.c3d, .trc), which give size and placement of markers."""
    forces: Path | None = None
    """Ground reaction (.mot, .sto, or a .c3d with plates); without it the plates of the C3D file are taken."""
    emg: Path | None = None
    """Muscle activity, raw or envelopes (.sto, .mot, .csv, .anc, .c3d); without it the channels of the C3D file."""
    out: Path = Path("trial")
    """Folder for page, figures and recordings."""
    subject: str = ""
    """Size of the person, as height=1.62,mass=58, or a YAML file with segment lengths; what is not given is found."""
    marker_map: Path | None = None
    """YAML file with lines as 'LABEL: asis_r', for labels that no known marker set has."""
    emg_map: Path | None = None
    """YAML file with lines as 'Channel 3: soleus_r' for channels whose names state no muscle; none leaves one out."""
    emg_side: Literal["", "r", "l"] = ""
    """Leg of channels whose names state none; '' finds it by when the plantarflexors are active."""
    belt: float | None = None
    """Speed of a treadmill in m/s; without it, found where the person stays in place."""
    cutoff: float = 6.0
    """Cut-off in Hz of the low-pass on the motion, and on the forces in its equations."""
    force_cutoff: float = 15.0
    """Cut-off in Hz of the low-pass on the forces that are shown."""
    people: tuple[Path, ...] = ()
    """Recorded people to compare with: folders of Wang et al. 2023 (emg_assets) or Falisse et al. 2019, or CSV tables;
    verdicts count the first."""
    controller: bool = True
    """Play a controller on the motion."""
    policy: str = ""
    """A run's policy folder; '' takes assets/policies/coordinated."""
    planner: MppiConfig = field(default_factory=lambda: MppiConfig(samples=12))
    """MPPI about the policy before each step; --planner.samples 0 plays the policy alone."""
    own_body: bool = False
    """Play it in the person's body instead of the standard one, in which the policy that ships learned."""
    body: str = "myolegs"
    """Body by name, legs, legs_abs or legs_back, without a size."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation; results do not depend on it."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        if not (0 < self.cutoff <= 30 and 0 < self.force_cutoff <= 200):
            raise ValueError(f"cutoff {self.cutoff} must lie in 0…30 Hz and force_cutoff {self.force_cutoff} in 0…200.")
        if self.belt is not None and not 0 <= self.belt <= 6:
            raise ValueError(f"belt must be a speed of 0 to 6 m/s, got {self.belt}.")


def trial(config: TrialConfig, console: Console) -> dict[str, Any]:
    """Study the trial, write page, figures and recordings, print the verdict; returns the figures."""
    from kinesis_trl.agents.provenance import provenance
    from kinesis_trl.atomic import write_text
    from kinesis_trl.physiology.analysis import plain
    from kinesis_trl.physiology.people import load_people
    from kinesis_trl.trial.analysis import analyse_trial
    from kinesis_trl.trial.export import export_study
    from kinesis_trl.trial.files import TrialFiles
    from kinesis_trl.trial.page import trial_page
    from kinesis_trl.trial.study import study

    check_outputs(config.out / "report.html")
    said: list[str] = []
    emg, people = load_people(config.people, said)
    spent: dict[str, float] = {}

    @contextmanager
    def during(text: str) -> Iterator[None]:
        begun = time.perf_counter()
        if not console.is_terminal:  # where no status line is seen
            console.print(f"{text} …", markup=False, highlight=False)
        with console.status(text):
            yield
        spent[text] = time.perf_counter() - begun

    files = TrialFiles(
        motion=config.motion, static=config.static, forces=config.forces, emg=config.emg, marker_map=config.marker_map
    )
    found = study(files, _study_config(config), during=during)
    with during("analysing"):
        figures = analyse_trial(found, emg, people, seed=config.seed)
    figures["reading"]["problems"] += said
    figures["config"] = plain(asdict(config))
    figures["provenance"] = provenance() | {"machine": f"{platform.platform()}, {os.cpu_count()} cores"}
    with during("writing"):
        figures["recordings"] = export_study(found, config.out)
        facts = [f"{key}: {value}" for key, value in figures["config"].items() if value not in (None, "", [], ())]
        facts += [f"{key}: {value}" for key, value in figures["provenance"].items()]
        write_text(config.out / "report.json", json.dumps(figures, indent=1, allow_nan=False))
        write_text(config.out / "report.html", trial_page(figures, facts=facts, advice=_advice(config, found)))
    figures["seconds"] = {text: round(seconds, 1) for text, seconds in spent.items()}
    _print(figures, console)
    finish(console, config.out / "report.html", advice=_advice(config, found))
    return figures


def _study_config(config: TrialConfig) -> StudyConfig:
    from dataclasses import replace

    from kinesis_trl.body.subject import Subject
    from kinesis_trl.trial.study import StudyConfig

    plain = StudyConfig()
    return StudyConfig(
        body=config.body,
        subject=Subject.read(config.subject) if config.subject else None,
        belt=config.belt,
        floor=replace(plain.floor, cutoff=config.force_cutoff),
        inverse=replace(plain.inverse, cutoff=config.cutoff),
        emg=replace(plain.emg, side=config.emg_side),
        emg_map=config.emg_map,
        controller=config.controller,
        policy=config.policy,
        planner=config.planner,
        own_body=config.own_body,
        threads=config.threads,
    )


def _advice(config: TrialConfig, found: Study) -> str:
    """The next command."""
    given = [f"--{name} {path}" for name, path in vars(config).items() if name in _FILES and path is not None]
    command = " ".join([f"kinesis trial {config.motion}", *given])
    if found.loads.floor is None:
        return f"{command} --forces YOUR_GRF.mot --out {config.out} for measured forces"
    if config.static is None and found.trial.markers is not None:
        return f"{command} --static YOUR_STATIC_TRIAL --out {config.out} for better size and angles"
    folder = config.out / "static_optimisation"
    return f"open {config.out / 'report.html'} in a browser; {folder} holds .mot and .sto files for OpenSim"


def _print(figures: dict[str, Any], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"Trial {figures['name']}"), title_justify="left")
    for column in ("question", "answer", "in one sentence"):
        table.add_column(column, overflow="fold")
    for row in figures["verdict"]:
        table.add_row(row["question"], Text(_ANSWERS[row["state"]], style=_COLOURS[row["state"]]), Text(row["text"]))
    console.print(table)
    for text in figures["reading"]["problems"]:
        console.print(f"not used: {text}", style="yellow", markup=False, highlight=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and study a trial."""
    run_command(
        TrialConfig,
        trial,
        arguments,
        name="trial",
        description=__doc__,
        stopped="stopped; files are whole, but some may be missing",
    )
