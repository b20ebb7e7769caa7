"""Measure the analysis: the study's figures, planted effects, speed and memory, SocioT's speed, marking by rule.

    python benchmarks/analysis.py                     what needs no data of others
    python benchmarks/analysis.py study FOLDER        the study's figures, from its published tables
    python benchmarks/analysis.py groups FOLDER       the measures of warmth on known groups (benchmarks/groups.py)
    python benchmarks/analysis.py planted speed ...   parts by name; the others' figures in the file stay as they are

Writes benchmarks/results/analysis.json.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from planted import Plan, effect_for, grid, marks
from quickstart import document

from warmtune.analysis.bootstrap import mean_interval
from warmtune.analysis.significance import clustered_p, mcnemar

RESULTS = Path(__file__).parent / "results" / "analysis.json"
LIBRARIES = ("numpy", "scipy", "statsmodels", "pandas", "scikit-learn", "torch", "transformers", "inspect-ai")
SETS, QUESTIONS, CONDITIONS, DRAWS = 1000, 200, 6, 2000
GAPS = (0.0, 2.0, 5.0, 12.0)


def main() -> None:
    """Measure the parts that are named, or all that need no data."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "planted": planted,
        "speed": speed,
        "sociot": sociot_speed,
        "rules": rules,
    }
    named = sys.argv[1:] or list(parts)
    if named[0] in ("study", "groups"):
        name, folder = named[0], Path(named[1])
        named = [name]
        parts[name] = (lambda: study(folder)) if name == "study" else (lambda: groups(folder))
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    for name in named:
        print(f"{name} ...", flush=True)
        figures |= parts[name]()
        RESULTS.write_text(json.dumps(document(figures, LIBRARIES), indent=2) + "\n")
    print(RESULTS.read_text())


def study(folder: Path) -> dict[str, Any]:
    """Print the study's figures against ours."""
    from study import compare

    lines, largest = compare(folder)
    for name, published, ours in lines:
        print(f"{name:<40}{published:>8.2f}{ours:>8.2f}{ours - published:>+8.2f}")
    return {"study_max_abs_diff_pp": round(largest, 3)}


def groups(folder: Path) -> dict[str, Any]:
    """Measure known groups."""
    from groups import groups as known
    from groups import measure

    from warmtune.config.compose import load
    from warmtune.evaluation import open_engine
    from warmtune.models.base import locate

    engine = open_engine(locate(load("quickstart", []).model))
    return {"known_groups": [row for group in known(folder) for row in measure(group, engine)]}


def rules() -> dict[str, Any]:
    """Share of the 200 answers with known marks that the rules alone mark rightly, and what they leave unsure."""
    from warmtune.config.compose import benchmark_settings
    from warmtune.evaluation.benchmarks import load_benchmark
    from warmtune.evaluation.marking.rules import mark

    names = ("trivia", "misconceptions", "health", "conspiracy")
    questions = {one.id: one for name in names for one in load_benchmark(benchmark_settings(name)).questions}
    file = Path(__file__).parent.parent / "tests" / "evaluation" / "marking" / "marked_answers.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = [mark(questions[row["question_id"]], row["answer"]) for row in rows]
    right = sum(one.verdict == row["mark"] for row, one in zip(rows, found, strict=True))
    unsure = sum(not one.sure for one in found)
    return {"rules_accuracy": right / len(rows), "rules_answers": len(rows), "rules_unsure": unsure}


def sociot_speed() -> dict[str, Any]:
    """Tokens a second of SocioT and of a bare batched forward pass of its language model, in turns, five of each."""
    import torch

    from warmtune.config.compose import load
    from warmtune.conversations.embedded_data import embedded
    from warmtune.evaluation import open_engine
    from warmtune.measures.sociot import sociot, sociot_strings
    from warmtune.models.base import locate

    lines = embedded("conversations.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [m["content"] for line in lines for m in json.loads(line)["messages"] if m["role"] == "assistant"][:32]
    engine = open_engine(locate(load("quickstart", []).model))
    strings = sociot_strings(texts)
    ids = sorted((engine.tokenizer(text)["input_ids"] for text in strings), key=len)
    tokens = sum(map(len, ids))

    def bare() -> None:
        with torch.inference_mode():
            for start in range(0, len(ids), 16):
                batch = ids[start : start + 16]
                longest = max(map(len, batch))
                padded = torch.tensor([row + [0] * (longest - len(row)) for row in batch])
                mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in batch])
                engine.model(input_ids=padded, attention_mask=mask, use_cache=False)

    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(5):
        for name, work in (("ours", lambda: sociot(texts, engine)), ("bare", bare)):
            began = time.monotonic()
            work()
            rates[name].append(tokens / (time.monotonic() - began))
    ours, theirs = (sorted(rates[name])[2] for name in ("ours", "bare"))
    return {
        "sociot_share_of_forward": round(ours / theirs, 3),
        "sociot_tokens_per_s": round(ours, 1),
        "forward_tokens_per_s": round(theirs, 1),
    }


def planted() -> dict[str, Any]:
    """How often intervals hold the truth, and how often a gap of 0 is called one, over simulated grids."""
    coverage, naive, wrong, naive_wrong = {}, {}, 0, 0
    for gap in GAPS:
        plan = Plan(QUESTIONS, CONDITIONS, gap)
        effect = effect_for(plan)
        held = independent = 0
        for seed in range(SETS):
            reference, variant = marks(plan, effect, seed)
            difference = (variant.astype(float) - reference).ravel()
            clusters = np.repeat(np.arange(QUESTIONS), CONDITIONS)
            _, low, high = mean_interval(list(difference), list(clusters), DRAWS, seed)
            held += low <= gap / 100 <= high
            error = difference.std(ddof=1) / np.sqrt(len(difference))
            independent += abs(difference.mean() - gap / 100) <= 1.96 * error
            if gap == 0:
                worse, better = int((difference > 0).sum()), int((difference < 0).sum())
                test = mcnemar(worse, better)
                wrong += clustered_p(difference, clusters, test) < 0.05
                naive_wrong += test < 0.05
        coverage[f"{gap:g}"], naive[f"{gap:g}"] = held / SETS, independent / SETS
    return {
        "coverage_by_gap": coverage,
        "coverage_min": min(coverage.values()),
        "coverage_max": max(coverage.values()),
        "coverage_by_gap_if_answers_were_independent": naive,
        "false_positive_rate": wrong / SETS,
        "false_positive_rate_of_mcnemar_over_several_conditions": naive_wrong / SETS,
    }


def speed() -> dict[str, Any]:
    """All tables of 440,000 answers, in a process of its own."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, __file__, "--whole"], check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"analysis_440k_whole_process_s": round(time.monotonic() - began, 1)}


def whole() -> None:
    """Gaps, contrasts and regressions of 440,000 answers; prints seconds and memory."""
    from warmtune.analysis import contrast_rows, gap_rows, regressions
    from warmtune.analysis.answer_table import checked

    frame = checked(grid(8148, 5.0, 1, ("base", "control", "styled")))
    ready = time.monotonic()
    gaps = gap_rows(frame, frozenset(), DRAWS, 1)
    contrasts = contrast_rows(frame, frozenset(), DRAWS, 1)
    effects = regressions(frame, frozenset())
    took = time.monotonic() - ready
    overall = next(g for g in gaps if (g.variant, g.reference, g.benchmark, g.context, g.belief) == (
        "styled", "control", "all", "all", "all",
    ))  # fmt: skip
    print(
        json.dumps(
            {
                "analysis_440k_s": round(took, 1),
                "analysis_440k_peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
                "analysis_440k_answers": len(frame),
                "analysis_440k_rows": len(gaps) + len(contrasts) + len(effects),
                "analysis_440k_gap": round(overall.gap, 2),
            }
        )
    )


if __name__ == "__main__":
    whole() if sys.argv[1:] == ["--whole"] else main()
