"""Rewriting through a real server: `transformers serve` with the embedded model, asked by Inspect's own provider."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from warmtune.config.compose import load
from warmtune.io.schemas import REJECTED, REWRITTEN, Conversation, Rejected, Rewrite, read
from warmtune.rewriting import rewrite

pytestmark = [pytest.mark.integration, pytest.mark.slow]
_PATIENCE = 180.0


@pytest.fixture(scope="module")
def server(embedded, tmp_path_factory):
    """A server of the embedded model; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    transformers = Path(sys.executable).parent / "transformers"
    command = [str(transformers), "serve", str(embedded.folder), "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as stream:
        process = subprocess.Popen(
            [*command, "--device", "cpu"], stdout=stream, stderr=stream, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()[-2000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(1)
        else:
            raise AssertionError(log.read_text()[-2000:])
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()  # it would finish what it generates first
        process.wait()


def test_a_small_model_rewrites_and_every_reply_is_accounted_for(server, embedded, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    rows = [
        Conversation("a", "factual", _asked("Where is Oslo?", "Oslo is the capital of Norway and lies at a fjord.")),
        Conversation("b", "advice", _asked("I can't sleep.", "Go to bed at 10 pm and leave your phone outside.")),
    ]
    s = load(
        "quickstart",
        [
            "rewriter=model",
            f"rewriter.model=openai-api/local/{embedded.folder}",
            f"rewriter.base_url={server}",
            "rewriter.max_connections=1",
            "rewriter.attempt_timeout=500",
            "rewriter.attempts=1",
            "style.length=[0.5, 1.0]",  # a small model rambles up to the limit
            "rewriter.on_failure=original",
            "rewriter.max_failure_rate=1",
            "rewriter.intensity_check_size=0",
            "rewriter.sociot_pairs=0",
        ],
    )
    counts = rewrite(rows, s.style, s.rewriter, 1, None, tmp_path / "journals", tmp_path).counts
    assert sum(counts["fates"].values()) == counts["replies"] == 2
    assert counts["requests"]["sent"] >= 2
    assert counts["requests"]["output_tokens"] > 0
    kept = read(tmp_path / REWRITTEN, Rewrite)
    assert {row.id for row in kept} == {"a", "b"}
    aside = read(tmp_path / REJECTED, Rejected)
    assert {row.id for row in kept if row.reason} == {row.id for row in aside}
    journal = [json.loads(line) for file in (tmp_path / "journals").glob("*.jsonl") for line in file.open()]
    answers = [line["value"] for line in journal if isinstance(line["value"], dict)]
    assert len(answers) == counts["requests"]["sent"]
    assert all(answer["stop"] in ("stop", "max_tokens") and answer["output_tokens"] > 0 for answer in answers)


def _asked(prompt, reply):
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]
