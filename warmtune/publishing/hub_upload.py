"""Sending an adapter's folder to the Hub: in one commit, to a repository that stays private until it is complete."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune import __version__
from warmtune.errors import UserError, redacted
from warmtune.publishing.identity import IDENTITY, WEIGHTS, is_ours

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo
    from huggingface_hub.utils._verification import FolderVerification


_LOG = logging.getLogger(__name__)


class HubError(UserError):
    """The Hub refuses the adapter, or cannot be reached."""


@dataclass(frozen=True)
class Pushed:
    """What was sent."""

    url: str
    sent: int
    """Number of files that the Hub did not have yet."""
    private: bool


def check_name(name: str) -> None:
    """Refuse a name that the Hub does not allow, before anything is sent.

    Raises:
        HubError: says what is wrong with the name.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    if name.count("/") != 1:
        raise HubError(f"'{name}' is no place on the Hub: it takes an owner and a name, as in hub:my-org/my-adapter.")
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise HubError(
            f"The Hub does not allow the name '{name}': {' '.join(str(error).split())} Choose another, as in"
            " hub:my-org/my-adapter."
        ) from None


def push(folder: Path, name: str, private: bool) -> Pushed:
    """Send a folder's files to `name` on the Hub; after an interrupted send, only those that are missing.

    Args:
        folder: made by `write_folder`.
        name: owner and name.
        private: whether the repository stays private once it is complete.

    Raises:
        HubError: there is no token, or it is expired or lacks rights; the repository holds something else; the Hub
            cannot be reached. The same command goes on from what was sent.
    """
    from huggingface_hub import HfApi

    api = HfApi(library_name="warmtune", library_version=__version__)
    state = _UploadState()
    with _explain_errors(name, state):
        _check_rights(api, name)
        there = _open_or_create(api, name)
        found = api.verify_repo_checksums(name, revision=there.sha, local_dir=folder)
        _check_ours(found, name)
        hidden = bool(there.private)
        if not hidden and (private or _is_empty(found)):
            api.update_repo_settings(name, private=True)
            hidden = True
        state.begun, state.hidden = True, hidden
        sent = _send(api, folder, name, found, there.sha)
        _check_whole(api.verify_repo_checksums(name, local_dir=folder), name, hidden)
        if hidden and not private:
            api.update_repo_settings(name, private=False)
    return Pushed(f"{api.endpoint}/{name}", sent, private)


@dataclass
class _UploadState:
    """How far the upload has come, for error messages."""

    begun: bool = False
    hidden: bool = True
    """Whether the repository is private."""

    @property
    def kept(self) -> str:
        """What the Hub holds now, and how to go on."""
        if not self.begun:
            return "Nothing was sent; the same command goes on."
        if self.hidden:
            return "What was sent so far is kept there, in private until it is whole; the same command goes on from it."
        return (
            "The repository is public: it holds what it held or, where the one commit arrived, all of this; the same"
            " command finds out and goes on."
        )


def _check_rights(api: "HfApi", name: str) -> None:
    """Refuse a token that cannot write there, as far as the Hub says so."""
    from huggingface_hub import get_token

    if not get_token():
        raise HubError(
            "There is no token for the Hub; make one with the right to write at huggingface.co/settings/tokens, then"
            " log in with `hf auth login`, or set HF_TOKEN."
        )
    me: dict[str, Any] = api.whoami()
    role = me.get("auth", {}).get("accessToken", {}).get("role")
    owners = [me["name"], *(one["name"] for one in me.get("orgs", []))]
    if role == "read":
        raise HubError(
            f"The token of {me['name']} may only read; make one with the right to write at"
            " huggingface.co/settings/tokens, then log in with `hf auth login`, or set HF_TOKEN."
        )
    if role == "write" and name.split("/")[0] not in owners:
        raise HubError(
            f"The token belongs to {me['name']}, who cannot write to '{name.split('/')[0]}'; of theirs are"
            f" {', '.join(owners)}."
        )


def _open_or_create(api: "HfApi", name: str) -> "ModelInfo":
    """Return the repository; create it in private if it does not exist."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.model_info(name)
    except RepositoryNotFoundError:
        api.create_repo(name, private=True)
        return api.model_info(name)


def _check_ours(found: "FolderVerification", name: str) -> None:
    """Refuse a repository that holds anything but this adapter."""
    differ = {mismatch["path"] for mismatch in found.mismatches}
    ours = IDENTITY not in found.extra_paths and WEIGHTS not in (differ | set(found.extra_paths))
    if not (_is_empty(found) or ours):
        raise HubError(
            f"{name} is there already and holds something else than this adapter; choose another name. (A repository"
            " with the same weights, from `warmtune publish`, would be brought up to date.)"
        )


def _is_empty(found: "FolderVerification") -> bool:
    return not found.checked_count and not _theirs(found)


def _theirs(found: "FolderVerification") -> list[str]:
    """Return the paths on the Hub that are not in the folder, without the Hub's own files."""
    return [path for path in found.missing_paths if is_ours(path)]


def _send(api: "HfApi", folder: Path, name: str, found: "FolderVerification", parent: str | None) -> int:
    """Send the missing files in one commit, large files first; return how many.

    The commit names the commit that was compared as its parent. So the Hub refuses it if somebody wrote meanwhile.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    new = sorted([mismatch["path"] for mismatch in found.mismatches] + found.extra_paths)
    operations: list[Any] = [CommitOperationAdd(path, folder / path) for path in new]
    operations += [CommitOperationDelete(path) for path in _theirs(found)]
    _LOG.info("sending %d files to %s in one commit, deleting %d", len(new), name, len(operations) - len(new))
    if operations:
        api.create_commit(name, operations, commit_message=f"Published by warmtune {__version__}", parent_commit=parent)
    return len(new)


def _check_whole(found: "FolderVerification", name: str, hidden: bool) -> None:
    wrong = [mismatch["path"] for mismatch in found.mismatches] + found.extra_paths + _theirs(found)
    if wrong:
        raise HubError(
            f"What {name} holds after sending is not what was sent ({', '.join(wrong)});"
            f" {'it is not made public' if hidden else 'it is public all the same'}. Run the same command again."
        )


_ANSWERS = {
    401: "does not know the token: it is wrong, or has expired. Make one at huggingface.co/settings/tokens, then log"
    " in with `hf auth login --force`, or set HF_TOKEN, which counts before it",
    403: "does not let this token write there. It needs the right to write to repositories of that owner"
    " (huggingface.co/settings/tokens)",
    409: "says that something of this name is there already, or is being made by somebody else. Choose another name, or"
    " try again in a moment",
    412: "says that somebody else has written there meanwhile. Look at it, then run the same command again",
}


@contextmanager
def _explain_errors(name: str, state: _UploadState) -> Iterator[None]:
    """Turn errors of the Hub and of the network into one paragraph."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HubError:
        raise
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        cause = _origin(error)
        if isinstance(cause, HfHubHTTPError):
            status = cause.response.status_code
            said = _ANSWERS.get(status, f"answered {status}: {_line(cause.server_message or str(cause))}")
            raise HubError(f"Sending to {name} did not work: the Hub {said}. {state.kept}") from None
        if isinstance(cause, (httpx2.HTTPError, OSError)):
            raise HubError(
                f"Sending to {name} did not work: the connection to the Hub failed ({type(cause).__name__}:"
                f" {_line(str(cause))}). {state.kept}"
            ) from None
        if isinstance(cause, ValueError):  # huggingface_hub raises this for a refused card or a full quota
            raise HubError(
                f"Sending to {name} did not work: the Hub refused it: {_line(str(cause))} {state.kept}"
            ) from None
        raise


def _origin(error: BaseException) -> BaseException:
    """Return the error that a library wrapped in one of its own."""
    while error.__cause__ is not None and type(error) is RuntimeError:
        error = error.__cause__
    return error


def _line(text: str) -> str:
    return redacted(" ".join(text.split()))[:300]
