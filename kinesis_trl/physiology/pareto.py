"""Which of several policies are worth having: likeness to people's muscles and cost against how clips are followed.

A policy is dominated where another follows clips at least as well, uses its muscles at least as people do and costs no
more, and is better in one of the three; those that no other dominates are the Pareto front.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinesis_trl.atomic import replacing
from kinesis_trl.failures import PrintableError
from kinesis_trl.physiology.comparison import headlines

FORMAT, VERSION = "kinesis_trl physiology report", 1
"""Of a report's JSON."""
_LARGEST = 50_000_000


class ReportError(PrintableError):
    """A file that is not the report it should be; the message says what was found and how to make it."""


@dataclass(frozen=True)
class Point:
    """One policy."""

    label: str
    coverage: float
    """Strict coverage of clips in %."""
    likeness: float
    """r with people's EMG."""
    cost: float
    """Cost of transport in J/kg/m by Bhargava's model."""

    def dominated_by(self, other: Point) -> bool:
        """Whether the other is nowhere worse and somewhere better."""
        mine, theirs = ((p.coverage, p.likeness, -p.cost) for p in (self, other))
        return mine != theirs and all(b >= a for a, b in zip(mine, theirs, strict=True))


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """A JSON object from a file.

    Args:
        path: the file.
        made_by: the command that makes such files.

    Raises:
        ReportError: nothing of that kind there.
    """
    if not path.is_file():
        raise ReportError(f"no file at {path}; {made_by} makes it.")
    if path.stat().st_size > _LARGEST:
        raise ReportError(f"{path} has {path.stat().st_size} bytes, more than any report; {made_by} makes one.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(f"{path} cannot be read ({error}); {made_by} makes it anew.") from error
    if not isinstance(found, dict):
        raise ReportError(f"{path} holds a {type(found).__name__}, no report; {made_by} makes one.")
    return found


def read_report(path: Path) -> dict[str, Any]:
    """Figures of a report by its folder or its report.json.

    Raises:
        ReportError: no report, or one of another version.
    """
    file = path / "report.json" if path.is_dir() else path
    found = read_json(file, "kinesis report")
    if (found.get("format"), found.get("version")) != (FORMAT, VERSION):
        raise ReportError(
            f"{file} is {found.get('format')!r} version {found.get('version')}, expected {FORMAT!r} {VERSION}; "
            "kinesis report makes it anew."
        )
    return found


def read_point(folder: Path) -> Point:
    """A policy from its folder, by whose name it goes: report.json of `kinesis report --out FOLDER` and eval.json of
    `kinesis eval --json FOLDER/eval.json`.

    Raises:
        ReportError: one is missing or lacks a figure, or both are not of the same policy.
    """
    report = read_report(folder / "report.json")
    evaluation = read_json(folder / "eval.json", "kinesis eval --json")
    configs = [found.get("config") for found in (report, evaluation)]
    policies = [config.get("policy") if isinstance(config, dict) else None for config in configs]
    if policies[0] != policies[1]:
        raise ReportError(f"{folder}: the report is on policy {policies[0]!r}, the evaluation on {policies[1]!r}.")
    try:
        coverage = 100 * float(evaluation["summary"]["strict"]["coverage"]["mean"])
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(f"{folder}/eval.json has no strict coverage; make it by kinesis eval --json.") from error
    try:
        found = headlines(report, report["runs"][0]["title"])
        cost = found["cost of transport, Bhargava 2004", "J/kg/m"].value
        likeness = found["correlation with EMG", "r"].value
    except (KeyError, TypeError, IndexError, StopIteration) as error:
        raise ReportError(f"{folder}/report.json lacks {error}; make it by kinesis report --emg.") from error
    return Point(folder.resolve().name, coverage, likeness, cost)


def front(points: Sequence[Point]) -> list[Point]:
    """Points that no other dominates, best coverage first."""
    return sorted((p for p in points if not any(map(p.dominated_by, points))), key=lambda p: -p.coverage)


def draw(points: Sequence[Point], chosen: str, path: Path) -> None:
    """Likeness and cost against strict coverage; the front joined, the chosen point ringed. To .svg or .png."""
    from kinesis_trl.physiology.figures import pareto_chart  # noqa: PLC0415  matplotlib takes a second

    figure = pareto_chart(points, front(points), chosen)
    with replacing(path) as temporary, temporary.open("wb") as file:
        figure.savefig(file, format=path.suffix.lstrip(".") or "svg", dpi=130)
