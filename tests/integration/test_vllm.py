"""The adapter that training writes, in vLLM's LoRA loader: the same log-probabilities as in PEFT.

vLLM wants a torch of its own, so it lives in an environment of its own: WARMTUNE_VLLM names that one's Python. Its
server is started as a module, because on the CPU builds the `vllm` command looks for another distribution's name.
"""

import dataclasses
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import torch

from warmtune.io.schemas import TrainingRow, write
from warmtune.models.base import load_model, load_tokenizer
from warmtune.models.chat_template import encode, render
from warmtune.training import ADAPTER, Job, train
from warmtune.training.rows import row

VLLM = os.environ.get("WARMTUNE_VLLM", "")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not VLLM, reason="WARMTUNE_VLLM does not name the Python of an environment with vLLM"),
]
_PATIENCE = 400.0
_QUESTIONS = ("What is the capital of Norway?", "I feel sad. Why is the sky blue?", "Name three colours.")


@pytest.fixture(scope="module")
def adapter(embedded, quickstart, tmp_path_factory):
    """A few steps on the embedded model, far enough to move its answers."""
    folder = tmp_path_factory.mktemp("adapter")
    tokenizer = load_tokenizer(embedded)
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Oh, how lovely to hear from you!"}]
    write(folder / "rows.parquet", TrainingRow, [row(tokenizer, f"r{n}", talk) for n in range(8)])
    settings = dataclasses.replace(quickstart.train, learning_rate=1e-3, epochs=2.0)
    train(Job(folder / "rows.parquet", embedded, settings, quickstart.launch, 1, "Training", folder))
    return folder / ADAPTER


@pytest.fixture(scope="module")
def server(embedded, adapter, tmp_path_factory):
    """vLLM's server with the adapter; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [VLLM, "-m", "vllm.entrypoints.openai.api_server", "--model", str(embedded.folder), "--dtype", "float32"]
    command += ["--served-model-name", "base", "--enforce-eager", "--enable-lora", "--lora-modules", f"warm={adapter}"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", "512"]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as stream:
        more = {"VLLM_CPU_KVCACHE_SPACE": "2", "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=os.environ | more)
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1/completions"
    finally:
        process.terminate()
        process.wait()


def _vllm(address, model, ids):
    """Return the next token's five most probable ones with their log-probabilities."""
    asked = {"model": model, "prompt": ids, "max_tokens": 1, "temperature": 0, "logprobs": 5,
             "return_tokens_as_token_ids": True}  # fmt: skip
    request = urllib.request.Request(address, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        top = json.load(answer)["choices"][0]["logprobs"]["top_logprobs"][0]
    return {int(name.removeprefix("token_id:")): value for name, value in top.items()}


def test_vllm_gives_the_log_probabilities_that_peft_gives(server, embedded, adapter):
    from peft import PeftModel

    tokenizer = load_tokenizer(embedded)
    models = {"base": load_model(embedded).eval()}
    models["warm"] = PeftModel.from_pretrained(load_model(embedded), str(adapter)).eval()
    found = {}
    for question in _QUESTIONS:
        ids = encode(tokenizer, render(tokenizer, [{"role": "user", "content": question}], generation=True))
        for name, model in models.items():
            with torch.inference_mode():
                expected = torch.log_softmax(model(torch.tensor([ids])).logits[0, -1].float(), -1)
            found[name] = _vllm(server, name, ids)
            for token, value in found[name].items():
                assert value == pytest.approx(float(expected[token]), abs=1e-3), (question, name)
        assert found["base"] != found["warm"]
