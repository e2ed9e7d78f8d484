"""Policies on the Hugging Face Hub; HF_ENDPOINT chooses another server that speaks alike."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

from kinesis_trl.agents.checkpoint import DESCRIPTION, WEIGHTS, load_checkpoint
from kinesis_trl.agents.exceptions import CheckpointError

ORIGINAL = "model.pth"
SOURCE = "source.json"
_CARD = "README.md"
_LARGEST_FILE = 4 << 30  # bytes, as for a file on disk
_TIMEOUT = 30.0  # seconds


class HubError(RuntimeError):
    """A policy cannot be fetched or published."""


def pull(repo: str, *, out: Path | None = None, revision: str = "main") -> Path:
    """Download, check by loading, and only then put in place; returns the folder.

    The folder also holds source.json: server, repository and commit. Raises HubError when the folder is in
    use, the server cannot be reached, the repository or revision is unknown, or it holds no usable policy.
    """
    out = out if out is not None else Path("runs") / repo.rsplit("/", 1)[-1]
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise HubError(f"{out} exists and is not empty. Remove it, or choose another folder with --out.")
    api = HfApi()
    with _explained(api.endpoint, repo, revision):
        info = api.model_info(repo, revision=revision, files_metadata=True, timeout=_TIMEOUT)
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or ()}
    wanted = [WEIGHTS, DESCRIPTION] if WEIGHTS in sizes else [ORIGINAL]
    wanted = [name for name in wanted if name in sizes]
    if not wanted:
        found = ", ".join(sorted(sizes)[:8]) or "no files"
        raise HubError(f"{repo} holds {found}, expected {WEIGHTS} or {ORIGINAL}. Name a policy's repository.")
    if (largest := max(sizes[name] for name in wanted)) > _LARGEST_FILE:
        raise HubError(f"{repo}: {largest} bytes in one file, expected at most {_LARGEST_FILE} of a policy.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".pull-") as temporary:
            staging = Path(temporary) / out.name
            with _explained(api.endpoint, repo, revision):
                for name in wanted:
                    api.hf_hub_download(repo, name, revision=info.sha, local_dir=staging)
            _check(staging, repo)
            shutil.rmtree(staging / ".cache", ignore_errors=True)  # the client's notes on its download
            source = {"endpoint": api.endpoint, "repo": repo, "commit": info.sha}
            (staging / SOURCE).write_text(json.dumps(source, indent=2))
            staging.replace(out)
    except OSError as error:
        raise HubError(f"{out}: could not be written ({error}). Free space or choose another folder.") from error
    return out


def push(folder: Path, repo: str, *, private: bool = False, message: str = "Policy trained with kinesis_trl") -> str:
    """Publish a policy in one commit; returns the address of its page.

    Only policy.safetensors, policy.json and README.md are sent, and only after the policy has been loaded.
    Raises HubError when it is not one of ours, there is no token, or the server refuses.
    """
    if not (folder / WEIGHTS).is_file():
        raise HubError(
            f"{folder} holds no {WEIGHTS}, expected a folder saved by kinesis_trl. "
            "Files of the original KINESIS are published by its authors."
        )
    _check(folder, str(folder))
    if get_token() is None:
        raise HubError("no access token was found, expected one that may write. Run `hf auth login`, or set HF_TOKEN.")
    api = HfApi()
    files = [name for name in (WEIGHTS, DESCRIPTION, _CARD) if (folder / name).is_file()]
    with _explained(api.endpoint, repo, "main"):
        page = api.create_repo(repo, private=private, exist_ok=True)
        additions = [CommitOperationAdd(name, folder / name) for name in files]
        api.create_commit(page.repo_id, additions, commit_message=message)
    return str(page)


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
