"""Plot policies: likeness to people's muscle activity and energy cost against how well they track clips.

Each folder holds the reports of two commands on one policy, which is named after the folder:
    kinesis report --policy POLICY --emg emg_assets --out weight-1
    kinesis eval --policy POLICY --json weight-1/eval.json
    kinesis pareto weight-0 weight-1 weight-3 --chosen weight-1 --picture pareto.svg
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from kinesis_trl.commands import check_outputs, finish, run_command

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class ParetoConfig:
    """Which policies, and what to write."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders of the policies, two at least, each with report.json and eval.json."""
    chosen: str = ""
    """The policy that is marked, by its folder's name."""
    picture: Path = Path("pareto.svg")
    """Where the picture goes: .svg, .png or .pdf."""
    json: Path | None = None
    """Write all figures to this file."""

    def __post_init__(self) -> None:
        names = [folder.resolve().name for folder in self.folders]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError(f"give two folders at least, each of another name, got {', '.join(names) or 'none'}.")
        if self.chosen and self.chosen not in names:
            raise ValueError(f"chosen is {self.chosen!r}; choose one of {', '.join(names)}.")
        if self.picture.suffix not in (".svg", ".png", ".pdf"):
            raise ValueError(f"a picture is an .svg, .png or .pdf file, got {self.picture}.")


def pareto(config: ParetoConfig, console: Console) -> dict[str, Any]:
    """Read, print the verdict and the table, draw; returns the figures."""
    from rich.table import Table

    from kinesis_trl.atomic import write_text
    from kinesis_trl.physiology.pareto import draw, front, read_point

    check_outputs(config.picture, config.json)
    points = [read_point(folder) for folder in config.folders]
    best = front(points)
    said = f"Of {len(points)} policies {len(best)} are worth having: {', '.join(p.label for p in best)}."
    mark = next((p for p in points if p.label == config.chosen), None)
    if mark is not None and mark not in best:
        better = next(p for p in points if mark.dominated_by(p))
        said += f" {mark.label} is not one of them: {better.label} is nowhere worse and somewhere better."
    console.print(said)
    table = Table("policy", "strict coverage, %", "r with EMG", "cost, J/kg/m", "worth having", "chosen")
    for p in sorted(points, key=lambda p: -p.coverage):
        marks = ("yes" if p in best else "", "yes" if p is mark else "")
        table.add_row(p.label, f"{p.coverage:.1f}", f"{p.likeness:.2f}", f"{p.cost:.1f}", *marks)
    console.print(table)
    draw(points, config.chosen, config.picture)
    figures = {"points": [asdict(p) for p in points], "front": [p.label for p in best], "chosen": config.chosen}
    if config.json:
        write_text(config.json, json.dumps(figures, indent=1))
    finish(
        console, config.picture, config.json, advice="kinesis report --since FOLDER says what differs from one of them"
    )
    return figures


main = partial(run_command, ParetoConfig, pareto, name="pareto", description=__doc__, simulates=False)
