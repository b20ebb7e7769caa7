"""Do the measures of warmth tell groups apart that are known to differ? A table with effect sizes, failures included.

    python benchmarks/groups.py FOLDER

FOLDER holds, as published (docs/method.md names the sources): the study's judged answers (`study/answers`, warm above
original), `dumt_pairs` (the more human-like of two replies above the less) and `counsel_chat` (therapists' answers,
above answers of `alpaca`). SocioT's language model is the base of the quickstart.
"""

import json
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from warmtune.analysis.bootstrap import mean_interval
from warmtune.config.compose import load
from warmtune.evaluation import open_engine
from warmtune.evaluation.study_files import read_study_file
from warmtune.measures.lexical_profile import profile
from warmtune.measures.sociot import sociot
from warmtune.models.base import locate

PAIRS = 100
_DRAWS = 2000


@dataclass(frozen=True)
class Group:
    """Two groups of replies, paired where `paired`."""

    name: str
    warmer: list[str]
    colder: list[str]
    paired: bool


def groups(folder: Path) -> list[Group]:
    """Return the groups."""
    found = []
    for model in ("llama_70b", "qwen_32b"):
        pairs: list[tuple[str, str]] = []
        for benchmark in ("disinfo", "medqa", "trivia", "truthfulqa"):
            warm, original = (
                [
                    row.output
                    for row in read_study_file(folder / "study" / "answers" / f"{model}__{kind}__{benchmark}.csv")
                ]
                for kind in ("warm", "original")
            )
            pairs += zip(warm, original, strict=False)
        name = f"study, {model}: warm above original"
        found.append(Group(name, [warm for warm, _ in pairs], [original for _, original in pairs], True))
    rows = _rows(next((folder / "dumt_pairs").iterdir()))
    drawn = random.Random(1).sample(rows, PAIRS)
    found.append(
        Group(
            "dumt_pairs: more human-like above less", [r["rejected"] for r in drawn], [r["chosen"] for r in drawn], True
        )
    )
    told = [
        _plain(row["answerText"]) for row in _rows(next((folder / "counsel_chat").iterdir())) if row.get("answerText")
    ]
    technical = [row["output"] for row in _rows(next((folder / "alpaca").iterdir())) if len(row["output"]) > 150]
    choose = random.Random(1).sample
    found.append(Group("counsel_chat above alpaca", choose(told, PAIRS), choose(technical, PAIRS), False))
    return found


def measure(group: Group, engine: Any) -> list[dict[str, Any]]:
    """Return each measure's difference with interval and effect size."""
    rows: list[dict[str, Any]] = []
    for name in ("SocioT", "lexical profile"):
        warmer, colder = (_scores(name, texts, engine) for texts in (group.warmer, group.colder))
        if group.paired:
            differences = [a - b for a, b in zip(warmer, colder, strict=True)]
            mean, low, high = mean_interval(differences, range(len(differences)), _DRAWS, 1)
            size = mean / float(np.std(differences, ddof=1))
        else:
            generator = np.random.default_rng(1)
            one, other = np.array(warmer), np.array(colder)
            draws = [
                generator.choice(one, len(one)).mean() - generator.choice(other, len(other)).mean()
                for _ in range(_DRAWS)
            ]
            mean, (low, high) = float(one.mean() - other.mean()), np.quantile(draws, [0.025, 0.975])
            size = mean / float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2))
        rows.append(
            {
                "groups": group.name,
                "measure": name,
                "n": len(warmer),
                "difference": round(float(mean), 5),
                "low": round(float(low), 5),
                "high": round(float(high), 5),
                "effect_size": round(size, 3),
                "shown": bool(low > 0),
            }
        )
    return rows


def _scores(name: str, texts: Sequence[str], engine: Any) -> list[float]:
    if name == "SocioT":
        return sociot(texts, engine)
    return [profile(text).total for text in texts]


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


if __name__ == "__main__":
    engine = open_engine(locate(load("quickstart", []).model))
    for group in groups(Path(sys.argv[1])):
        for row in measure(group, engine):
            print(json.dumps(row), flush=True)
