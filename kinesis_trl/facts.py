"""Small shipped tables of published facts: CSV files whose lines beginning with # give the sources."""

from __future__ import annotations

import csv

from kinesis_trl.shipped import asset

WALKING_SPEEDS = (0.9, 1.7)
"""Speeds in m/s of ordinary walking: published ranges are of 1.2 to 1.65 m/s, and activity, angles and forces change
with speed too much to be pooled over all of them."""
EMG_SPEEDS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Speeds in m/s (0.9 to 5.4 km/h) at which the muscles of Wang et al. 2023's people were recorded."""


def read_facts(name: str) -> list[dict[str, str]]:
    """Rows of `assets/physiology/<name>.csv`, each by column title.

    Raises:
        FileNotFoundError: no such table ships.
    """
    lines = asset(f"physiology/{name}.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def by_muscle(rows: list[dict[str, str]]) -> list[tuple[str, dict[str, str]]]:
    """(muscle, row) of rows whose column `muscles` lists one or several, separated by spaces."""
    return [(muscle, row) for row in rows for muscle in row["muscles"].split()]
