"""Pins Hub datasets to one commit: resolves a revision to a commit, and reads rows of that commit only."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from warmtune.config.evaluation_settings import BenchmarkSettings
from warmtune.config.settings import Settings, SourceSettings
from warmtune.errors import DataError
from warmtune.system.console import print_status

HUB = "hub:"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TIMEOUT = 20.0
"""Seconds without an answer after which the Hub counts as out of reach."""

Source = TypeVar("Source", SourceSettings, BenchmarkSettings)


def pin(settings: Settings) -> Settings:
    """Return the settings with the revision of every Hub dataset resolved to a commit.

    The commit enters the keys of the stages that read the data, so changed data gives other keys. If the Hub is out of
    reach, the commit is the one in its cache on this machine, and a line in the terminal says so.

    Raises:
        DataError: a dataset or its revision is neither on the Hub nor in the cache.
    """
    data = settings.data
    sources = tuple(_pinned(source, "data") for source in data.sources)
    data = replace(data, mix=sources) if data.mix is not None else replace(data, revision=sources[0].revision)
    benchmarks = tuple(_pinned(benchmark, f"benchmark {benchmark.name}") for benchmark in settings.eval.benchmarks)
    return replace(settings, data=data, eval=replace(settings.eval, benchmarks=benchmarks))


def hub_rows(source: SourceSettings) -> Iterator[Any]:
    """Yield the rows of a Hub dataset at its revision.

    Raises:
        DataError: the Hub is out of reach, and the cache holds another commit.
    """
    from datasets import load_dataset

    name, revision = source.path.removeprefix(HUB), source.revision
    rows = load_dataset(
        name,
        source.config,
        data_files=source.files,
        split=source.split,
        streaming=source.streaming,
        revision=revision,
    )
    # If the Hub is out of reach, `datasets` takes the newest copy in its cache, whichever its commit.
    copies = [] if source.streaming else [str(file["filename"]) for file in rows.cache_files]
    if revision and _COMMIT.fullmatch(revision) and not all(revision in copy for copy in copies):
        raise DataError(
            f"The Hub dataset {name} is wanted at the commit {revision[:12]}, but the Hub cannot be reached and the"
            " copy on this machine is of another commit; connect to the Hub, or name that copy's commit as the"
            " dataset's revision."
        )
    yield from rows


def _pinned(source: Source, setting: str) -> Source:
    name = source.path.removeprefix(HUB)
    if not source.path.startswith(HUB) or name.count("/") != 1:
        return source
    return replace(source, revision=_commit(name, source.revision, setting))


def _commit(name: str, revision: str | None, setting: str) -> str:
    """Return the commit of a dataset's revision, from the Hub, or from its cache if the Hub is out of reach."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if revision and _COMMIT.fullmatch(revision):
        return revision
    try:
        commit = str(HfApi().dataset_info(name, revision=revision, timeout=_TIMEOUT).sha)
    except (OfflineModeIsEnabled, httpx2.TransportError) as error:
        cached = _ref(name, revision)
        if not cached.is_file():
            raise DataError(
                f"The Hub dataset {name} ({setting}) is not in the Hub's cache and the Hub cannot be reached"
                f" ({type(error).__name__}); connect to the Hub once, or give a file."
            ) from None
        commit = cached.read_text(encoding="utf-8").strip()
        print_status(f"The Hub cannot be reached: {name} is read from the cache, at commit {commit[:12]}.")
        return commit
    except HfHubHTTPError as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"The Hub dataset {name} ({setting}, revision {revision or 'main'}) cannot be had: {reason} Check its name"
            " and revision, log in with `hf auth login` if it is private or gated, or give a file."
        ) from None
    ref = _ref(name, revision)
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(commit, encoding="utf-8")
    return commit


def _ref(name: str, revision: str | None) -> Path:
    """Return the file in the Hub's cache that holds the commit of a branch or tag."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = repo_folder_name(repo_id=name, repo_type="dataset")
    return Path(constants.HF_HUB_CACHE) / folder / "refs" / (revision or "main")
