"""Fetch a policy from the Hugging Face Hub, or publish one; HF_ENDPOINT chooses another server that speaks alike.

Examples:
    python -m kinesis_trl.hub pull amathislab/kinesis-moe-imitation
    python -m kinesis_trl.hub push runs/mine my-name/my-walker --private
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from rich.console import Console

from kinesis_trl.agents.checkpoint import DESCRIPTION, WEIGHTS, load_checkpoint
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.atomic import replacing_folder, sweep

ORIGINAL = "model.pth"
SOURCE = "source.json"
_CARD = "README.md"
_LARGEST_FILE = 4 << 30  # bytes, as for a file on disk
_TIMEOUT = 30.0  # seconds


class HubError(RuntimeError):
    """A policy cannot be fetched or published."""


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


def pull(config: PullConfig) -> Path:
    """Download, check by loading, and only then put in place; returns the folder.

    The folder also holds source.json: server, repository and commit. Raises HubError when the folder is in
    use, the server cannot be reached, the repository or revision is unknown, or it holds no usable policy.
    """
    out = config.out if config.out is not None else Path("runs") / config.repo.rsplit("/", 1)[-1]
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise HubError(f"{out} exists and is not empty. Remove it, or choose another folder with --out.")
    api = HfApi()
    with _explained(api.endpoint, config.repo, config.revision):
        info = api.model_info(config.repo, revision=config.revision, files_metadata=True, timeout=_TIMEOUT)
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or ()}
    wanted = [WEIGHTS, DESCRIPTION] if WEIGHTS in sizes else [ORIGINAL]
    wanted = [name for name in wanted if name in sizes]
    if not wanted:
        found = ", ".join(sorted(sizes)[:8]) or "no files"
        raise HubError(f"{config.repo} holds {found}, expected {WEIGHTS} or {ORIGINAL}. Name a policy's repository.")
    if (largest := max(sizes[name] for name in wanted)) > _LARGEST_FILE:
        raise HubError(f"{config.repo}: {largest} bytes in one file, expected at most {_LARGEST_FILE} of a policy.")
    try:
        sweep(out.parent, out.name)
        with replacing_folder(out) as staging:
            with _explained(api.endpoint, config.repo, config.revision):
                for name in wanted:
                    api.hf_hub_download(config.repo, name, revision=info.sha, local_dir=staging)
            _check(staging, config.repo)
            shutil.rmtree(staging / ".cache", ignore_errors=True)  # the client's notes on its download
            source = {"endpoint": api.endpoint, "repo": config.repo, "commit": info.sha}
            (staging / SOURCE).write_text(json.dumps(source, indent=2))
    except OSError as error:
        raise HubError(f"{out}: could not be written ({error}). Free space or choose another folder.") from error
    return out


def push(config: PushConfig) -> str:
    """Publish a policy in one commit; returns the address of its page.

    Only policy.safetensors, policy.json and README.md are sent, and only after the policy has been loaded.
    Raises HubError when it is not one of ours, there is no token, or the server refuses.
    """
    if not (config.folder / WEIGHTS).is_file():
        raise HubError(
            f"{config.folder} holds no {WEIGHTS}, expected a folder saved by kinesis_trl. "
            "Files of the original KINESIS are published by its authors."
        )
    _check(config.folder, str(config.folder))
    if get_token() is None:
        raise HubError("no access token was found, expected one that may write. Run `hf auth login`, or set HF_TOKEN.")
    api = HfApi()
    files = [name for name in (WEIGHTS, DESCRIPTION, _CARD) if (config.folder / name).is_file()]
    with _explained(api.endpoint, config.repo, "main"):
        page = api.create_repo(config.repo, private=config.private, exist_ok=True)
        additions = [CommitOperationAdd(name, config.folder / name) for name in files]
        api.create_commit(page.repo_id, additions, commit_message=config.message)
    return str(page)


def main() -> None:
    """Parse the command line and fetch or publish."""
    commands = Annotated[PullConfig, tyro.conf.subcommand("pull")] | Annotated[PushConfig, tyro.conf.subcommand("push")]
    config: PullConfig | PushConfig = tyro.cli(commands, description=__doc__)  # type: ignore[arg-type]
    console = Console()
    try:
        done = f"Fetched into {pull(config)}" if isinstance(config, PullConfig) else f"Published at {push(config)}"
    except HubError as error:
        console.print(f"HubError: {error}", style="red", highlight=False, markup=False)
        sys.exit(1)
    console.print(done, highlight=False, markup=False)


def _check(folder: Path, name: str) -> None:
    """Load the policy; no file of a pickle is opened but as plain tensors."""
    try:
        load_checkpoint(folder)
    except CheckpointError as error:
        raise HubError(f"no policy that can be used: {str(error).replace(str(folder), name)}") from error


@contextmanager
def _explained(endpoint: str, repo: str, revision: str) -> Iterator[None]:
    """Errors of the client as HubError that says what to do."""
    try:
        yield
    except HFValidationError as error:
        raise HubError(f"{repo!r} is no name of a repository, expected owner/name ({error}).") from error
    except GatedRepoError as error:
        raise HubError(f"{repo} asks for consent. Give it on {endpoint}/{repo}, then run `hf auth login`.") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"{endpoint} knows no repository {repo}, or it is private. Check the name; "
            "for a private one run `hf auth login`, or set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repo} has no revision {revision!r}. Leave --revision out for the newest.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        mend = "Use a token that may write there." if status in {401, 403} else "Try again later."
        raise HubError(f"{endpoint} refused with status {status} for {repo}: {error.server_message}. {mend}") from error
    except ValueError as error:  # such as a README.md whose YAML the server does not take
        raise HubError(f"{repo}: {str(error).rstrip('.')}. Mend it and try again.") from error
    except OfflineModeIsEnabled as error:
        raise HubError("HF_HUB_OFFLINE is set, so no server is asked. Unset it to fetch or publish.") from error
    except (LocalEntryNotFoundError, HTTPError, ConnectionError, RuntimeError) as error:
        reason = str(error.__cause__ or error)
        raise HubError(f"{endpoint} cannot be reached ({reason}). Check the network, then try again.") from error


if __name__ == "__main__":
    main()
