"""Evaluation reports as tables for the terminal and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table
from rich.text import Text

RULE_TEXT = {"kinesis": "mean error ≤ 0.5 m", "strict": "every body ≤ 0.15 m"}


def verdict(report: dict[str, Any]) -> str:
    """The result in words: how many clips were followed, how closely, and which failed first."""
    clips, summary = report["clips"], report["summary"]
    followed = {rule: sum(row[rule]["success"] for row in clips) for rule in RULE_TEXT}
    count = "The clip was" if len(clips) == 1 else f"{followed['kinesis']} of {len(clips)} clips were"
    if len(clips) == 1 and not followed["kinesis"]:
        count += " not"
    said = f"{count} followed to the end, {summary['kinesis']['mpjpe_mm']['mean']:.0f} mm off on average"
    said += f"; {followed['strict']} without any body ever more than 0.15 m away." if len(clips) > 1 else "."
    failed = sorted((r for r in clips if not r["kinesis"]["success"]), key=lambda r: r["kinesis"]["coverage"])
    if failed and len(clips) > 1:
        said += (
            " Worst: " + ", ".join(f"{r['name']} ({100 * r['kinesis']['coverage']:.0f} %)" for r in failed[:3]) + "."
        )
    lacking = report.get("lacking_moment")
    if lacking and lacking["clipped_steps"]:
        share, most = 100 * lacking["clipped_steps"] / lacking["steps"], lacking["largest_nm"]
        said += f" Muscles could not make the moments asked of them in {share:.1f} % of the steps; at most {most:.0f} "
        said += "N m lacked."
    return said


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
        cells: list[Text | str] = [Text(row["name"]), Text(row["category"]), f"{row['seconds']:.1f}"]
        for rule in RULE_TEXT:
            score = row[rule]
            cells += [
                Text("yes", style="green")
                if score["success"]
                else Text("broke" if row["broken"] else "no", style="red"),
                f"{100 * score['coverage']:.1f}",
                f"{score['mpjpe']:.1f}",
            ]
        table.add_row(*cells)
    return table


def summary_table(report: dict[str, Any]) -> Table:
    """Means with 95 % intervals over all clips and by category, both rules."""
    table = Table(title="Means [95 % interval, from 5 clips on]; MPJPE counts a failed clip up to where it failed")
    for column in ("rule", "category", "clips", "success %", "coverage %", "MPJPE mm"):
        table.add_column(column, justify="left" if column in ("rule", "category") else "right")
    for rule, text in RULE_TEXT.items():
        table.add_row(f"{rule}: {text}", "all", *_cells(report["summary"][rule]), style="bold")
        for category, by_rule in report["by_category"].items():
            table.add_row("", Text(category), *_cells(by_rule[rule]))
        table.add_section()
    return table


def _cells(summary: dict[str, Any]) -> list[str]:
    figures = (interval(summary[name], scale) for name, scale in (("success", 100), ("coverage", 100), ("mpjpe_mm", 1)))
    return [str(summary["clips"]), *figures]


def interval(estimate: dict[str, float | None], scale: float) -> str:
    """A mean, with its 95 % interval where there are clips enough for one."""
    mean, low, high = (None if value is None else scale * value for value in map(estimate.get, ("mean", "low", "high")))
    return f"{mean:.1f}" if low is None or high is None else f"{mean:.1f} [{low:.1f}, {high:.1f}]"


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
                [scale * (r[name]["mean"] - _bound(r[name], "low")) for r in rows],
                [scale * (_bound(r[name], "high") - r[name]["mean"]) for r in rows],
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


def _bound(estimate: dict[str, float | None], bound: str) -> float:
    """A bound of the interval; NaN, which draws no whisker, where there is none."""
    value = estimate[bound]
    return float("nan") if value is None else value
