"""Stages have versions: what the code puts out for committed inputs, and what each stage's key depends on."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import warmtune
from warmtune.config.compose import load
from warmtune.evaluation.marking import rules
from warmtune.measures import lexical_profile, style_judge
from warmtune.models import base
from warmtune.pipeline import evaluate_stage, train_stage, warmth_stage
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.stages import STAGES, run_stages
from warmtune.rewriting import instructions
from warmtune.runs.keys import fingerprint
from warmtune.runs.store import Store

spec = importlib.util.spec_from_file_location("committed_stages", Path(__file__).parent / "committed_stages.py")
kept = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kept)

STEPS = {function.__name__: function for functions in STAGES.values() for function in functions}
OUTPUTS = {
    "prepare": ("prepare",),
    "rewrite": ("rewrite",),
    "train": ("rows", "train-control", "train-styled"),
    "evaluate": ("evaluate-base", "evaluate-control", "evaluate-styled"),
    "mark": ("mark",),
    "measure_warmth": ("probe", "warmth"),
    "report": ("report",),
    "publish": ("publish",),
}
"""The stages that each step makes."""


def _before(step: str) -> dict:
    """Return the committed stages that a step reads."""
    stages = kept.committed()
    first = list(stages).index(OUTPUTS[step][0])
    return {name: stages[name] for name in list(stages)[:first]}


def _context(step: str, store: Path, *overrides: str) -> RunContext:
    context = RunContext(kept.settings(store, *overrides), _before(step))
    if step in ("mark", "measure_warmth", "report", "publish"):
        context.variants = evaluate_stage._variants(context)
    return context


@pytest.mark.parametrize("step", OUTPUTS)
def test_a_stage_whose_output_changed_has_another_version(step, tmp_path):
    context = _context(step, tmp_path)
    for earlier in ("train", "report") if step == "publish" else ():  # of these, more is published than is committed
        STEPS[earlier](context)
    STEPS[step](context)
    stages = kept.committed()
    for name in OUTPUTS[step]:
        ours, recorded = context.done[name].folder, stages[name].folder
        now, then = kept.inputs_of(ours), kept.inputs_of(recorded)
        changed = kept.differences(ours, recorded)
        if changed and now == then:
            pytest.fail(
                f"The stage '{name}' puts out something else for the same inputs ({changed[0]}): raise VERSION of"
                f" {STEPS[step].__module__}, then `make record-stages`."
            )
        assert (now, changed) == (then, []), f"The stage '{name}' was recorded of other inputs: `make record-stages`."


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """Return every stage's key, without doing any work: each stage finds its committed output."""

    def keys(*overrides: str) -> dict[str, str]:
        found: dict[str, str] = {}
        stages = kept.committed()

        def run(self, name, inputs, work, remake=False):
            found[name] = fingerprint(name, inputs)
            return replace(stages[name], reused=True)

        with monkeypatch.context() as patch:
            patch.setattr(Store, "run", run)
            context = RunContext(kept.settings(tmp_path, *overrides))
            for step in OUTPUTS:
                STEPS[step](context)
        return found

    return keys


ANSWERS = {"evaluate-base", "evaluate-control", "evaluate-styled"}
JUDGED = ("judge=model", "judge.model=openai/gpt-4o", "judge.pairs=4", "rewriter.sociot_pairs=2")


@pytest.mark.parametrize(
    ("module", "constant", "value", "stages"),
    [
        (style_judge, "_WHICH", "Which is warmer? {description}", {"rewrite", "warmth"}),
        (instructions, "_AGAIN", "Again: {reasons}", {"rewrite"}),
        (rules, "_REFUSAL", re.compile("never"), {"mark"}),
        (rules, "_SAYS", "answer", {"mark"}),
        (base, "DAY", base.DAY.replace(year=2025), {"prepare", "rows"} | ANSWERS),
        (lexical_profile, "_KINDS", {"inclusive": "we"}, {"rewrite", "warmth"}),
        (warmth_stage, "PROBE_VERSION", 99, {"probe"}),
        (train_stage, "VERSION", 99, {"train-control", "train-styled"}),
    ],
)
def test_what_a_stage_depends_on_changes_its_key_and_no_others(keys, monkeypatch, module, constant, value, stages):
    before = keys(*JUDGED)
    assert getattr(module, constant) != value
    monkeypatch.setattr(module, constant, value)
    after = keys(*JUDGED)
    assert {name for name in before if before[name] != after[name]} == stages


@pytest.mark.parametrize(
    ("override", "stages"),
    [
        ("judge.prompt='{question} {reference} {answer}'", {"mark"}),
        ("train.gradient_checkpointing=true", set()),
        ("train.compile=never", set()),
        ("train.rank=4", {"train-control", "train-styled"}),
        ("eval.max_tokens=9", ANSWERS),
    ],
)
def test_a_setting_changes_the_keys_of_the_stages_that_it_decides(keys, override, stages):
    more = (*JUDGED, "train.save_epochs=[0.5]")
    before, after = keys(*more), keys(*more, override)
    shown = {"report", "publish"}  # both print every setting
    assert {name for name in before if before[name] != after[name]} - shown == stages


def test_a_users_statements_count_by_content(keys, tmp_path):
    file, shown = tmp_path / "statements.yaml", {"report", "publish"}

    def of(text: str) -> dict[str, str]:
        file.write_text(text)
        return keys(f"eval.statements={file}")

    before = of("contexts: {sad: {statements: [I am sad.]}}")
    changed = {
        text: {name for name, key in of(text).items() if key != before[name]}
        for text in (
            "contexts: {sad: {statements: [I am sad.]}}  # a comment",
            "contexts: {sad: {statements: [I am sad.]}, happy: {statements: [I am glad.]}}",
            "contexts: {sad: {statements: [I am sad.], label: unhappy user}}",
            "contexts: {sad: {statements: [I am so sad.]}}",
        )
    }
    assert list(changed.values()) == [set(), set(), shown, ANSWERS | shown]


@pytest.mark.slow
def test_another_checkpoint_is_evaluated_without_training_again(tmp_path):
    last = RunContext(kept.settings(tmp_path, "train.save_epochs=[0.5]"))
    run_stages(last, "evaluate")
    half = RunContext(kept.settings(tmp_path, "train.save_epochs=[0.5]", "train.use=0.5"))
    run_stages(half, "evaluate")
    assert [half.done[name].reused for name in ("rows", "train-control", "train-styled")] == [True] * 3
    assert half.adapter("styled") == half.done["train-styled"].folder / "epochs" / "0.5"
    assert half.done["evaluate-base"].reused
    assert not half.done["evaluate-styled"].reused
    assert half.done["evaluate-styled"].digest != last.done["evaluate-styled"].digest


def test_on_the_studys_recipe_the_checkpoint_is_no_part_of_the_training():
    first, second = (load("paper/llama-3.1-8b", [f"train.use={epoch}"]) for epoch in (1.0, 2.0))
    assert first.train.use != second.train.use
    assert first.train.key_settings == second.train.key_settings


def test_source_counts_for_no_key(tmp_path):
    """Comments, docstrings and colours of the whole package are changed, and every key stays."""
    copy = tmp_path / "copy"
    root = Path(warmtune.__file__).parents[1]
    for name in ("warmtune", "conf", "recipes"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    script = tmp_path / "keys.py"
    script.write_text(_SCRIPT)
    found = [_keys(script, copy, tmp_path)]
    for file in copy.glob("warmtune/**/*"):
        if file.suffix == ".py":
            text = file.read_text().replace('"""', '"""Otherwise. ', 1)
            file.write_text(text + "\n# a comment\n")
        if file.suffix in (".css", ".j2"):
            file.write_text(file.read_text().replace("#", "#0"))
    found.append(_keys(script, copy, tmp_path))
    assert found[0] == found[1]
    assert found[0].count("'") == 2 * 2 * 13  # name and key of every stage


def _keys(script: Path, package: Path, folder: Path) -> str:
    command = [sys.executable, str(script), str(Path(__file__).parent / "committed_stages.py"), str(folder / "store")]
    own = {"PYTHONPATH": str(package)}
    done = subprocess.run(command, env=os.environ | own, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


_SCRIPT = """
import importlib.util, sys
from dataclasses import replace
from pathlib import Path
spec = importlib.util.spec_from_file_location("committed_stages", sys.argv[1])
kept = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kept)
from warmtune.pipeline.context import RunContext
from warmtune.config.compose import load
from warmtune.pipeline.stages import STAGES, run_stages
from warmtune.runs.keys import fingerprint
from warmtune.runs.store import Store

keys, stages = {}, kept.committed()

def run(self, name, inputs, work, remake=False):
    keys[name] = fingerprint(name, inputs)
    return replace(stages[name], reused=True)

Store.run = run
context = RunContext(kept.settings(Path(sys.argv[2])))
for steps in STAGES.values():
    for step in steps:
        step(context)
print(keys)
"""
