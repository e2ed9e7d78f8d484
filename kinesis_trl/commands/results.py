"""Write the page of results from the JSON files of evaluations.

Example: kinesis results --reports results --page docs/results.md
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinesis_trl.commands import check_outputs, finish, run_command

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST = 1 << 24  # bytes of a file of figures; that of 1,000 goals has 300,000
_KEYS = {"command": str, "config": dict, "provenance": dict, "verdict": str}


@dataclass(frozen=True, kw_only=True)
class ResultsConfig:
    """Which figures, and where they go."""

    reports: Path = Path("results")
    """Folder of .json files, as kinesis eval, failure_map, robustness and optimise write them with --json."""
    page: Path = Path("docs/results.md")
    """The page, which is written anew."""


def run(config: ResultsConfig, console: Console) -> None:
    """Read the figures and write the page.

    Raises:
        ValueError: no figures there, or a file that is none.
    """
    from kinesis_trl.atomic import write_text

    check_outputs(config.page)
    reports = {path.stem: _read(path) for path in sorted(config.reports.glob("*.json"))}
    if not reports:
        raise ValueError(
            f"{config.reports} holds no figures; make some: kinesis eval --json {config.reports}/walk.json"
        )
    write_text(config.page, page(reports))
    console.print(f"{len(reports)} results are on the page.")
    finish(console, config.page, advice=f"remove a file from {config.reports} and give make results to measure it anew")


def _read(path: Path) -> dict[str, Any]:
    from kinesis_trl.reading import read_text

    try:
        found = json.loads(read_text(path, most=_LONGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no file of figures ({error}); remove it.") from error
    wrong = [key for key, kind in _KEYS.items() if not isinstance(found, dict) or not isinstance(found.get(key), kind)]
    if wrong or not isinstance(found.get("seconds"), int | float | None):
        raise ValueError(f"{path} has no {[*wrong, 'seconds'][0]!r}; write it anew with the --json of this version.")
    return dict(found)


def page(reports: dict[str, dict[str, Any]]) -> str:
    """The page in Markdown: a line for each of the reports, by name, and the commands that made them."""
    lines = ["# Results", "", "Written by `make results` from the files in `results/`; not by hand.", ""]
    lines += ["| what | result | seed | seconds | machine | commit |", "|---|---|---|---|---|---|"]
    for name, report in reports.items():
        made, seconds = report["provenance"], report.get("seconds")
        cells = (
            name.replace("-", " "),
            report["verdict"],
            report["config"].get("seed", "–"),
            "–" if seconds is None else f"{seconds:,.0f}",
            made.get("machine", "–"),
            str(made.get("git_commit") or "–").replace("+changes", " with changes")[:21],
        )
        lines.append("| " + " | ".join(" ".join(str(cell).replace("|", "/").split()) for cell in cells) + " |")
    lines += ["", "```sh", *(report["command"] for report in reports.values()), "```", ""]
    return "\n".join(lines)


main = partial(run_command, ResultsConfig, run, name="results", description=__doc__, simulates=False)
