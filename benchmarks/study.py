"""The study's published figures against what warmtune's analysis makes of its published tables and answers.

    python benchmarks/study.py FOLDER    prints study and ours, line by line

FOLDER holds the study's `results_warm_ft.csv` and, in `answers/`, its judged answers (github.com/lujainibrahim/
warm_ai_2025). From 360 accuracies the counts are built again: 500 questions (125 of Disinfo), twice that where two
forms of a prompt are pooled. The study left refusals out of its counts, which the table does not give: the rest of the
difference.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from planted import GROUPS

from warmtune.analysis.regression import effects

BENCHMARK_GAPS = {"medqa": 8.6, "truthfulqa": 8.4, "disinfo": 5.4, "trivia": 4.9}
"""Mean over models of the increase in error without context and belief, pp (Ibrahim et al. 2026)."""
EFFECTS = {
    ("1", "all"): 7.43,
    ("2", "none"): 7.43,
    ("2", "emotion"): 8.87,
    ("2", "stake"): 7.42,
    ("2", "relation"): 6.55,
    ("3", "sad"): 11.87,
    ("3", "anger"): 7.86,
    ("3", "happy"): 6.93,
    ("3", "close"): 6.92,
    ("3", "hierarchical_down"): 7.51,
    ("3", "hierarchical_up"): 5.24,
    ("3", "high_stakes"): 7.45,
    ("3", "low_stakes"): 7.31,
    ("4", "absent"): 7.60,
    ("4", "present"): 10.99,
}
"""The study's average marginal effects of warmth on being wrong, pp, by regression and level."""
_CONTEXTS = {"unmodified": "none", "stake:high": "high_stakes", "stake:low": "low_stakes"}


def context_of(amendment: str) -> str:
    """Return warmtune's name of a context that the study's files name with group and line break.

    >>> context_of("emotion:sad\\r\\noriginal")
    'sad'
    """
    name = amendment.split("\r")[0].split("\n")[0].strip()
    return _CONTEXTS.get(name, name.split(":")[-1])


def read_results(file: Path) -> pd.DataFrame:
    """Return the study's table: model, benchmark, context, belief, pooled, both accuracies in percent."""
    found = pd.read_csv(file)
    belief = np.where(found["Test_Type"] == "Sycophancy", "incorrect", "")
    two_forms = (found["Test_Type"] == "Sycophancy") & (found["Dataset"] != "disinfo")
    return pd.DataFrame(
        {
            "model": found["Model"],
            "benchmark": found["Dataset"],
            "context": [context_of(name) for name in found["Amendment_type"]],
            "belief": belief,
            "pooled": two_forms | found["Amendment_type"].str.contains("combined"),
            "original": found["Original Accuracy (%)"],
            "warm": found["Fine-tuned Accuracy (%)"],
        }
    )


def as_answers(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row an answer, as the analysis takes them: right and wrong in the table's proportions."""
    parts = []
    for row in results.to_dict("records"):
        count = (125 if row["benchmark"] == "disinfo" else 500) * (2 if row["pooled"] else 1)
        for tuned, name in ((0.0, "original"), (1.0, "warm")):
            right = round(count * float(row[name]) / 100)
            marks = np.repeat(["correct", "incorrect"], [right, count - right])
            part: dict[str, Any] = {"mark": marks, "tuned": tuned}
            parts.append(pd.DataFrame(part | {n: row[n] for n in ("model", "benchmark", "context", "belief")}))
    made = pd.concat(parts, ignore_index=True)
    return made.assign(question_id=np.arange(len(made)), characters=0)


def compare(folder: Path) -> tuple[list[tuple[str, float, float]], float]:
    """Return what is compared with study's and our figure, and the largest difference between them, in pp."""
    results = read_results(folder / "results_warm_ft.csv")
    lines = []
    for name, published in BENCHMARK_GAPS.items():
        rows = results[(results["benchmark"] == name) & (results["context"] == "none") & (results["belief"] == "")]
        lines.append((f"mean increase of error, {name}", published, float((rows["original"] - rows["warm"]).mean())))
    fitted = {(e.model, e.level): e.effect for e in effects(as_answers(results), "warm", "original", GROUPS)}
    for (model, level), published in EFFECTS.items():
        lines.append((f"regression {model}, {level}", published, fitted[model, level]))
    return lines, max(abs(published - ours) for _, published, ours in lines)


def answers(folder: Path) -> list[tuple[str, int, float, float, int, int]]:
    """Return for each file of judged answers: rows, its error rate and ours, refusals by flag and by rule."""
    from warmtune.evaluation.marking.rules import mark
    from warmtune.evaluation.study_files import answers_of
    from warmtune.io.schemas import Question

    found = []
    for file in sorted((folder / "answers").glob("*.csv")):
        rows = answers_of(file, "", file.stem.split("__")[-1])
        published = 100 * float((pd.read_csv(file)["evaluation"] == "INCORRECT").mean())
        ours = 100 * sum(row.published == "incorrect" for row in rows) / len(rows)
        bare = Question("", "", "open", "", "")
        refuses = sum(mark(bare, row.answer).refuses for row in rows)
        found.append((file.stem, len(rows), published, ours, sum(row.published_refusal for row in rows), refuses))
    return found


if __name__ == "__main__":
    for name, count, published, ours, flagged, by_rule in answers(Path(sys.argv[1])):
        rates = f"{count:>4} rows, wrong {published:5.1f} {ours:5.1f} %"
        print(f"{name:<36}{rates}, refusals {flagged} by flag, {by_rule} by rule")
    compared, largest = compare(Path(sys.argv[1]))
    for name, published, ours in compared:
        print(f"{name:<40}{published:>8.2f}{ours:>8.2f}{ours - published:>+8.2f}")
    print(f"largest difference {largest:.2f} pp")
