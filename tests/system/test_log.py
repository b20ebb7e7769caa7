import asyncio
import logging
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from warmtune.cli import main as cli
from warmtune.config.compose import load
from warmtune.errors import ConfigError
from warmtune.models.budget import CostBudget
from warmtune.models.client import ModelClient
from warmtune.models.response_cache import open_response_cache
from warmtune.runs.store import StageOutput, Store
from warmtune.system import log

GOOD = """{"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [{"index": 0,
    "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}]}"""


@pytest.fixture(autouse=True)
def loggers(monkeypatch):
    """Put the environment and the loggers back as they were."""
    monkeypatch.setenv(log.VARIABLE, "")
    names = ("warmtune", "inspect_ai.model")
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers) for name in names}
    yield
    for name, (level, handlers) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers = handlers
    logging.getLogger("warmtune").propagate = True


def _work(folder):
    (folder / "out.txt").write_text("done")
    return StageOutput(["out.txt"])


def test_a_stage_says_its_key_and_folder_when_made_and_when_kept(tmp_path, capsys):
    log.configure(1)
    stage = Store(tmp_path).run("cook", {"salt": 1}, _work)
    made = capsys.readouterr().err
    assert f"making cook: key {stage.key}, folder {stage.folder}" in made
    assert "INFO warmtune.runs.store: made cook in" in made
    assert "salt" not in made
    log.configure(2)
    Store(tmp_path).run("cook", {"salt": 1}, _work)
    assert f"kept cook: key {stage.key}" in capsys.readouterr().err
    Store(tmp_path).run("cook", {"salt": 2}, _work)
    assert 'what decides cook: {"salt": 2}' in capsys.readouterr().err


def test_without_a_wish_only_warnings_are_shown_and_on_standard_error(tmp_path, capsys):
    log.configure()
    Store(tmp_path).run("cook", {"salt": 1}, _work)
    logging.getLogger("warmtune.tests").warning("slow, because %s", "of this")
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.endswith("WARNING warmtune.tests: slow, because of this\n")
    assert found.err.count("\n") == 1


def test_the_variable_and_the_option_reach_processes_that_are_started(monkeypatch, capsys):
    say = "import logging; from warmtune.system import log; log.configure(); logging.getLogger('warmtune.x').info('hi')"

    def said(verbose):
        log.configure(verbose)
        return subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True).stderr

    assert said(0) == ""
    assert said(1).endswith("INFO warmtune.x: hi\n")
    assert os.environ[log.VARIABLE] == "info"
    monkeypatch.setenv(log.VARIABLE, "DEBUG")
    assert said(0).endswith("INFO warmtune.x: hi\n")


def test_an_unknown_level_is_refused(monkeypatch, capsys):
    monkeypatch.setenv(log.VARIABLE, "inf")
    with pytest.raises(
        ConfigError, match=r"WARMTUNE_LOG is 'inf', but it is one of warning, info, debug\. Did you mean"
    ):
        log.configure()
    assert cli.main(["recipes"]) == 2
    assert capsys.readouterr().err.startswith("warmtune: ")


def test_every_command_takes_the_option(capsys):
    assert cli.main(["recipes", "-v"]) == 0
    assert os.environ[log.VARIABLE] == "info"
    assert cli.main(["recipes", "-vv"]) == 0
    assert os.environ[log.VARIABLE] == "debug"
    for verb in ("run", "plan", "dial", "compare", "verify", "publish", "doctor"):
        with pytest.raises(SystemExit):
            cli.main([verb, "--help"])
        assert "-v, --verbose" in capsys.readouterr().out


def test_a_key_is_not_logged(capsys):
    log.configure(1)
    logging.getLogger("warmtune.tests").info("refused: sk-proj-abcdefgh1234")
    assert capsys.readouterr().err.endswith("refused: [KEY]\n")


@pytest.fixture
def stuttering(monkeypatch):
    """A service whose first answer is no JSON; returns its address."""
    answers = ["{broken", GOOD]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = answers.pop(0).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("STANDIN_API_KEY", "sk-standin-0123456789")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_requests_that_are_sent_again_are_logged(stuttering, tmp_path, capsys):
    log.configure(1)
    changes = ["judge=model", "judge.model=openai-api/standin/m", f"judge.base_url={stuttering}"]
    service = load("quickstart", changes).judge

    async def ask():
        with open_response_cache(tmp_path / "journal.jsonl") as journal:
            client = ModelClient("openai-api/standin/m", service, 0.0, journal, CostBudget(None), None, "judge")
            answered = await client.generate([{"role": "user", "content": "Hello?"}], 8)
            await client.close()
            return answered

    assert asyncio.run(ask()).text == "Hello!"
    said = capsys.readouterr().err
    assert "openai-api/standin/m: sending a request again, 1 of 4 (the answer was no JSON)" in said


def test_inspects_own_retries_are_shown_where_more_is_asked_for(capsys):
    inspect = logging.getLogger("inspect_ai.model._model")
    log.configure()
    inspect.log(15, "quiet retry")
    log.configure(1)
    inspect.log(15, "-> openai/gpt-4o retry 1 (retrying in 3 seconds)")
    assert capsys.readouterr().err.endswith(
        "inspect_ai.model._model: -> openai/gpt-4o retry 1 (retrying in 3 seconds)\n"
    )
