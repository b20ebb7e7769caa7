"""What `inspect eval warmtune/NAME` finds by the package's entry point, by Inspect's own registry and evaluation."""

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai._util.registry import registry_lookup

from warmtune.config.compose import config_root
from warmtune.models.engine import Engine
from warmtune.models.provider import host


@pytest.mark.parametrize("name", sorted(file.stem for file in (config_root() / "conf" / "benchmark").glob("*.yaml")))
def test_every_shipped_benchmark_is_a_task(name):
    assert registry_lookup("task", f"warmtune/{name}") is not None


def test_a_task_is_asked_and_scored_with_a_context_of_ones_own(tiny_base, tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("contexts: {tired: {label: tired user, statements: [I could not sleep.]}}")
    given = {"questions": 4, "contexts": "none,tired", "beliefs": "none", "statements": str(file), "max_tokens": 4}
    model = host(Engine(tiny_base), 8, lambda count: None)
    (log,) = inspect_eval("warmtune/trivia", model=model, task_args=given, log_dir=str(tmp_path), display="none")
    assert log.status == "success"
    assert log.eval.task == "trivia"
    assert [sample.input[0].text.startswith("I could not sleep. ") for sample in log.samples].count(True) == 4
    assert len(log.samples) == 8
    assert all("rules" in sample.scores for sample in log.samples)
