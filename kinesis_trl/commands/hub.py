"""Fetch a policy from the Hugging Face Hub, or publish one; HF_ENDPOINT names another compatible server.

Examples:
    kinesis hub pull amathislab/kinesis-moe-imitation
    kinesis hub push runs/mine my-name/my-walker --private
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from kinesis_trl.commands import finish, run_command

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class PullConfig:
    """Fetch a policy into a folder: one saved by kinesis_trl, or model.pth of the original KINESIS."""

    repo: tyro.conf.Positional[str]
    """Repository, such as amathislab/kinesis-moe-imitation."""
    out: Path | None = None
    """Folder to make; runs/ and the repository's name when not given."""
    revision: str = "main"
    """Branch, tag or commit."""


@dataclass(frozen=True, kw_only=True)
class PushConfig:
    """Publish a policy saved by kinesis_trl, with the README.md of its folder where there is one."""

    folder: tyro.conf.Positional[Path]
    """Folder that holds policy.safetensors."""
    repo: tyro.conf.Positional[str]
    """Repository to make or to add to, such as my-name/my-walker."""
    private: bool = False
    """Let only you see it, if it is made now."""
    message: str = "Policy trained with kinesis_trl"
    """Commit message."""


def exchange(config: PullConfig | PushConfig, console: Console) -> None:
    """Fetch or publish."""
    from kinesis_trl.agents.hub import ORIGINAL, pull, push

    if isinstance(config, PushConfig):
        page = push(config.folder, config.repo, private=config.private, message=config.message)
        console.print(f"Published at {page}")
        finish(console, advice=f"kinesis hub pull {config.repo}")
        return
    folder = pull(config.repo, out=config.out, revision=config.revision)
    console.print(f"Fetched into {folder}")
    policy = folder / ORIGINAL if (folder / ORIGINAL).is_file() else folder
    finish(console, folder, advice=f"kinesis eval --policy {policy}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and fetch or publish."""
    either = Annotated[PullConfig, tyro.conf.subcommand("pull")] | Annotated[PushConfig, tyro.conf.subcommand("push")]
    run_command(either, exchange, arguments, name="hub", description=__doc__, simulates=False)  # type: ignore[arg-type]
