"""README and docs/ name only what is there: files, headings, commands, options, targets of make."""

import io
import re
import shlex
from contextlib import redirect_stdout, suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from kinesis_trl.commands import ALIASES, names
from kinesis_trl.training.presets import shipped_presets

ROOT = Path(__file__).parents[1]
FILES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PAGES = {path.relative_to(ROOT): path.read_text() for path in FILES}


def commands():
    """Every command line of `kinesis` in the pages, as words after `kinesis`."""
    found = set()
    for text in PAGES.values():
        lines = re.sub(r"\\\n\s*", "", text).splitlines()
        shown = [part for line in lines for part in (line, *re.findall(r"`([^`]+)`", line))]
        for part in shown:
            if start := re.match(r"\s*(?:\.venv/bin/)?kinesis (?=[a-z])(.*)", part):
                with suppress(ValueError):  # prose with an apostrophe
                    found.add(tuple(shlex.split(start[1], comments=True)))
    return sorted(words for words in found if words[0] in names() or any(w.startswith("--") for w in words))


@cache
def help_of(*words: str) -> str:
    """What a command says of its options."""
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        import_module(f"kinesis_trl.commands.{words[0]}").main([*words[1:], "--help"])
    return said.getvalue()


def chosen(words):
    """The words by which a command chooses what its options are."""
    name, *rest = words
    name = ALIASES.get(name, name)
    if name == "eval" and "--task" in rest:
        return name, "--task", rest[rest.index("--task") + 1]
    if name == "train":
        return name, rest[0] if rest and rest[0] in shipped_presets() else "laptop"
    return (name, rest[0]) if name == "hub" else (name,)


def test_links_lead_somewhere():
    lost = []
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"\w+:", target):
                place, _, heading = target.partition("#")
                file = (ROOT / page).parent / place if place else ROOT / page
                titles = re.findall(r"^#+ (.*)", file.read_text(), flags=re.M) if heading and file.is_file() else []
                slugs = [re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles]
                if not file.exists() or (heading and heading not in slugs):
                    lost.append(f"{page}: {target}")
    assert not lost


def test_targets_of_make_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = {word for text in PAGES.values() for word in re.findall(r"(?:^|`|    )make ([a-z-]+)", text, flags=re.M)}
    assert {"demo", "report"} <= named <= targets


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_and_its_options_are_there(words):
    assert ALIASES.get(words[0], words[0]) in names()
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    text = help_of(*chosen(words)) if set(options) - {"--task"} else "--task"
    known = set(re.findall(r"--[\w.-]+", text.replace("no-", ""))) | {"--help", "--config", "--task"}
    assert {option.replace("no-", "") for option in options} <= known
