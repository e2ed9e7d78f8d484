"""The shape of the code: short files and functions, imports one way, and nothing that only tests use."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = {path: ast.parse(path.read_text()) for path in (ROOT / "kinesis_trl").rglob("*.py")}
TREES = PACKAGE | {path: ast.parse(path.read_text()) for path in (ROOT / "tests").rglob("*.py")}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
ROOMS = (
    *("body", "motion", "envs", "agents", "planning", "evaluation", "physiology", "viewer", "training"),
    *("experiments", "trial", "commands"),
)
"""Each imports only from those before it; files beside them are for all."""


def length(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def test_files_have_at_most_350_lines_and_functions_80():
    long = [f"{path}: {n} lines" for path in TREES if (n := path.read_text().count("\n")) > 350]
    for path, tree in TREES.items():
        functions = (node for node in ast.walk(tree) if isinstance(node, FUNCTION))
        long += [f"{path}: {node.name} has {length(node)} lines" for node in functions if length(node) > 80]
    assert not long


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_those_before_it(room):
    later = ROOMS[ROOMS.index(room) + 1 :]
    upward = [
        f"{path}:{node.lineno} {node.module}"
        for path, tree in PACKAGE.items()
        if path.relative_to(ROOT).parts[1] == room
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[:1] == ["kinesis_trl"]
        if str(node.module).split(".")[1:2] and str(node.module).split(".")[1] in later
    ]
    assert not upward


def test_nothing_is_there_for_tests_alone():
    used: Counter[str] = Counter()
    for node in (node for tree in PACKAGE.values() for node in ast.walk(tree)):
        if isinstance(node, ast.Name):
            used[node.id] += 1
        elif isinstance(node, ast.Attribute):
            used[node.attr] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.update(re.findall(r"\w+", node.value) if len(node.value) < 100 else [])
    documented = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    idle = [
        f"{path}: {one.name}"
        for path, tree in PACKAGE.items()
        for top in tree.body
        if isinstance(top, (*FUNCTION, ast.ClassDef))
        for one in (top, *(top.body if isinstance(top, ast.ClassDef) and not top.bases else ()))
        if isinstance(one, (*FUNCTION, ast.ClassDef)) and not one.decorator_list and not one.name.startswith("__")
        if not used[one.name] and not re.search(rf"\b{one.name}\b", documented)
    ]
    assert not idle
