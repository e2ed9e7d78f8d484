"""Evaluation reports as tables for the terminal and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from rich.table import Table

matplotlib.use("Agg")

RULE_TEXT = {"kinesis": "mean error ≤ 0.5 m", "strict": "every body ≤ 0.15 m"}


def clip_table(report: dict[str, Any]) -> Table:
    """One line a clip, both rules: followed to its end, frame coverage, MPJPE."""
    table = Table(title="Clips", title_justify="left")
    table.add_column("\nclip", overflow="fold")
    table.add_column("\ncategory", overflow="fold")
    table.add_column("\ns", justify="right", no_wrap=True)
    for rule in RULE_TEXT:
        table.add_column(f"{rule}\nfollowed", justify="center", no_wrap=True)
        table.add_column("\ncover %", justify="right", no_wrap=True)
        table.add_column("\nmm", justify="right", no_wrap=True)
    for row in report["clips"]:
        cells = [row["name"], row["category"], f"{row['seconds']:.1f}"]
        for rule in RULE_TEXT:
            score = row[rule]
            cells += [
                "[green]yes[/]" if score["success"] else "[red]broke[/]" if row["broken"] else "[red]no[/]",
                f"{100 * score['coverage']:.1f}",
                f"{score['mpjpe']:.1f}",
            ]
        table.add_row(*cells)
    return table


def summary_table(report: dict[str, Any]) -> Table:
    """Means with 95 % intervals over all clips and by category, both rules."""
    table = Table(title="Means [95 % interval]; MPJPE counts a failed clip up to the frame where it failed")
    for column in ("rule", "category", "clips", "success %", "coverage %", "MPJPE mm"):
        table.add_column(column, justify="left" if column in ("rule", "category") else "right")
    for rule, text in RULE_TEXT.items():
        table.add_row(f"{rule}: {text}", "all", *_cells(report["summary"][rule]), style="bold")
        for category, by_rule in report["by_category"].items():
            table.add_row("", category, *_cells(by_rule[rule]))
        table.add_section()
    return table


def _cells(summary: dict[str, Any]) -> list[str]:
    def interval(name: str, scale: float) -> str:
        e = summary[name]
        return f"{scale * e['mean']:.1f} [{scale * e['low']:.1f}, {scale * e['high']:.1f}]"

    return [str(summary["clips"]), interval("success", 100), interval("coverage", 100), interval("mpjpe_mm", 1)]


def write_picture(report: dict[str, Any], path: Path) -> None:
    """Bars of success and coverage and dots of MPJPE by category, both rules, with 95 % intervals, as .png or .svg."""
    categories = ["all", *report["by_category"]]
    figure = Figure(figsize=(11, 1.8 + 0.45 * len(categories)), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for panel, (name, label, scale) in zip(
        panels,
        (("success", "success, %", 100), ("coverage", "frame coverage, %", 100), ("mpjpe_mm", "MPJPE, mm", 1)),
        strict=True,
    ):
        for k, (rule, colour) in enumerate((("kinesis", "#4878a8"), ("strict", "#c8702a"))):
            rows = [report["summary"][rule], *(report["by_category"][c][rule] for c in categories[1:])]
            mean = [scale * r[name]["mean"] for r in rows]
            error = [
                [scale * (r[name]["mean"] - r[name]["low"]) for r in rows],
                [scale * (r[name]["high"] - r[name]["mean"]) for r in rows],
            ]
            height = [i + 0.2 * (2 * k - 1) for i in range(len(rows))]
            panel.barh(height, mean, 0.36, color=colour, label=f"{rule}: {RULE_TEXT[rule]}")
            panel.errorbar(mean, height, xerr=error, fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
        panel.set_xlabel(label)
        if scale == 100:
            panel.set_xlim(0, 100)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="x", alpha=0.3)
    counts = [report["summary"]["strict"]["clips"], *(v["strict"]["clips"] for v in report["by_category"].values())]
    panels[0].set_yticks(range(len(categories)), [f"{c} (n = {n})" for c, n in zip(categories, counts, strict=True)])
    panels[0].invert_yaxis()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
