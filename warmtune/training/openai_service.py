"""Tuning a model of OpenAI's by its fine-tuning service: the data file, the job, and the models that come of it."""

import base64
import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from warmtune.config.training_settings import ServiceSettings
from warmtune.errors import DataError, ModelError, redacted
from warmtune.io.schemas import Conversation, Message, Rewrite
from warmtune.runs.store import StageOutput, write_atomically
from warmtune.system.console import print_status, progress

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.fine_tuning.job_create_params import Method

Found = TypeVar("Found")
DATA = "training.jsonl"
JOB = "job.json"
CURVE = "curve.json"
_FEWEST = 10
"""The service takes no file with fewer conversations."""
_ENDED = ("succeeded", "failed", "cancelled")
_KEY = "warmtune"
"""Name under which a job carries the fingerprint of what it was made for."""


@dataclass(frozen=True)
class Tuned:
    """A finished job."""

    model: str
    checkpoints: dict[int, str]
    """Models after earlier steps, by step; the service keeps a few."""
    tokens: int
    curve: list[dict[str, float]]
    """`step` and `loss`, as the service reports them."""


def conversations_of(conversations: Sequence[Conversation], rewrites: Sequence[Rewrite], styled: bool) -> list[Any]:
    """Return the rows of a data file for one arm: the rewritten conversations, with original or styled replies."""
    replies = {(one.id, one.turn): one.styled if styled else one.original for one in rewrites}
    wanted = {one.id for one in rewrites}
    rows = []
    for conversation in (one for one in conversations if one.id in wanted):
        messages: list[Message] = [
            {**message, "content": replies[conversation.id, turn]} if message["role"] == "assistant" else message
            for turn, message in enumerate(conversation.messages)
        ]
        rows.append({"messages": messages})
    return rows


def write_data(rows: Sequence[Any], file: Path) -> None:
    """Write and check a data file.

    Raises:
        DataError: the service would refuse it; names the rows.
    """
    if len(rows) < _FEWEST:
        raise DataError(
            f"{len(rows)} conversations are left to tune on, but the service takes no fewer than {_FEWEST}; give more."
        )
    bad = [n for n, row in enumerate(rows, 1) if not _acceptable(row["messages"])]
    if bad:
        raise DataError(
            f"{len(bad)} conversations would be refused by the service (the first are rows {bad[:5]}): each needs"
            " messages of system, user and assistant with words in them, an assistant's last."
        )
    write_atomically(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _acceptable(messages: Sequence[Message]) -> bool:
    return (
        bool(messages)
        and messages[-1]["role"] == "assistant"
        and all(m["role"] in ("system", "user", "assistant") and m["content"].strip() for m in messages)
    )


def tune(
    rows: Sequence[Any], settings: ServiceSettings, epochs: int, seed: int, key: str, title: str, folder: Path
) -> StageOutput:
    """Tune by the service and write `training.jsonl`, `curve.json` and `job.json` (the models that came of it).

    What was started is gone on with: the job carries `key`, and is looked for before another is made.

    Args:
        rows: conversations as `conversations_of` makes them.
        settings: the service's.
        epochs: whole passes over the data.
        seed: the service's own.
        key: fingerprint of what is tuned; unlike for other data or settings.
        title: what people are told is being done.
        folder: where to write.

    Raises:
        DataError: the service would refuse the data.
        ModelError: it refuses the key, the model or the file, or the job failed.
    """
    write_data(rows, folder / DATA)
    client = _client(settings)
    job = _call(settings, lambda: _job(client, settings, epochs, seed, key, folder))
    done = _follow(client, settings, job, title)
    kept = {"id": job, "model": done.model, "checkpoints": done.checkpoints, "base": settings.model}
    write_atomically(folder / CURVE, json.dumps(done.curve, indent=1))
    write_atomically(folder / JOB, json.dumps(kept, indent=1))
    counts = {
        "rows": len(rows),
        "rows_seen": len(rows) * epochs,
        "steps": int(done.curve[-1]["step"]),
        "tokens": done.tokens,
        "trained_tokens": done.tokens,
        "first_loss": done.curve[0]["loss"],
        "last_loss": done.curve[-1]["loss"],
        "model": done.model,
    }
    return StageOutput([DATA, CURVE, JOB], counts)


def _client(settings: ServiceSettings) -> "OpenAI":
    import os

    from openai import OpenAI

    if not os.environ.get("OPENAI_API_KEY"):
        raise ModelError(
            f"Tuning {settings.model} needs a key of the service, but OPENAI_API_KEY is not set; set it and run the"
            " same command again."
        )
    return OpenAI(base_url=settings.base_url, max_retries=8)  # it waits as Retry-After says


def _job(client: "OpenAI", settings: ServiceSettings, epochs: int, seed: int, key: str, folder: Path) -> str:
    """Return the id of the job for this key, making it if there is none."""
    for found in client.fine_tuning.jobs.list(metadata={_KEY: key}):
        if (found.metadata or {}).get(_KEY) == key and found.status not in ("failed", "cancelled"):
            print_status(f"  The service has this job already: {found.id} ({found.status})")
            return found.id
    with (folder / DATA).open("rb") as data:
        file = client.files.create(file=data, purpose="fine-tune")
    wanted: dict[str, Any] = {"n_epochs": epochs}
    for name in ("batch_size", "learning_rate_multiplier"):
        if (value := getattr(settings, name)) is not None:
            wanted[name] = value
    made = client.fine_tuning.jobs.create(
        model=settings.model,
        training_file=file.id,
        method=cast("Method", {"type": "supervised", "supervised": {"hyperparameters": wanted}}),
        seed=seed,
        suffix=settings.suffix,
        metadata={_KEY: key},
    )
    print_status(f"  The service has begun the job {made.id}")
    return made.id


def _follow(client: "OpenAI", settings: ServiceSettings, job: str, title: str) -> Tuned:
    """Wait until a job has ended, showing what the service says, and return what came of it."""
    told: set[str] = set()
    with progress(title, 1) as report:
        while True:
            found = _call(settings, lambda: client.fine_tuning.jobs.retrieve(job))
            for event in reversed(_call(settings, lambda: client.fine_tuning.jobs.list_events(job, limit=20)).data):
                if event.id not in told:
                    told.add(event.id)
                    report(0, event.message)
            if found.status in _ENDED:
                break
            time.sleep(settings.poll_seconds)
    if found.status != "succeeded" or not found.fine_tuned_model:
        said = found.error.message if found.error else "no reason given"
        raise ModelError(
            f"The service's job {job} {found.status}: {redacted(str(said))} What was prepared is kept; the same command"
            " makes another job."
        )
    steps = _call(settings, lambda: client.fine_tuning.jobs.checkpoints.list(job)).data
    models = {point.step_number: point.fine_tuned_model_checkpoint for point in steps}
    curve = _call(settings, lambda: _curve(client, found.result_files))
    if not curve:
        raise ModelError(f"The service's job {job} succeeded, but gave no result file, so its loss is not known.")
    return Tuned(found.fine_tuned_model, dict(sorted(models.items())), found.trained_tokens or 0, curve)


def _curve(client: "OpenAI", files: Sequence[str]) -> list[dict[str, float]]:
    """Read the loss by step from a job's result file: CSV, which the service gives out as Base64."""
    found = []
    for file in files:
        text = client.files.content(file).text
        if not text.startswith("step"):
            text = base64.b64decode(text).decode()
        for row in csv.DictReader(io.StringIO(text)):
            if row.get("train_loss"):
                found.append({"step": int(row["step"]), "loss": float(row["train_loss"])})
    return found


def _call(settings: ServiceSettings, ask: Callable[[], Found]) -> Found:
    """Ask the service; what it refuses for good becomes one paragraph."""
    import openai

    try:
        return ask()
    except openai.AuthenticationError:
        raise ModelError(
            "The service refuses the key in OPENAI_API_KEY; check it, and that it may fine-tune."
        ) from None
    except (openai.PermissionDeniedError, openai.NotFoundError, openai.BadRequestError) as error:
        raise ModelError(
            f"The service refuses to tune {settings.model}: {redacted(error.message)} Check"
            " train.service.model and what your account may tune."
        ) from None
    except (openai.RateLimitError, openai.APIConnectionError, openai.InternalServerError) as error:
        raise ModelError(
            f"The service could not be reached or is busy ({type(error).__name__}) after several attempts; the same"
            " command goes on from here."
        ) from None
