"""Comparisons of any size from a seed, with gaps computed by the analysis from made-up answers."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from warmtune.analysis import verdict
from warmtune.analysis.answer_table import COUNTED, checked, pair
from warmtune.analysis.gaps import drawn, gaps_of
from warmtune.analysis.study import study
from warmtune.comparison.comparison_data import (
    ANSWER_COLUMNS,
    ComparedVariant,
    Comparison,
    FrontierPoint,
    SettingDifference,
)
from warmtune.config.compose import eval_settings
from warmtune.config.contexts import Grid
from warmtune.conversations.embedded_data import embedded
from warmtune.io.schemas import Check, Gap

CONTEXTS = ("none", "neutral", "sad", "anger", "happy", "close", "hierarchical_up", "high_stakes", "low_stakes")
BENCHMARKS = ("trivia", "misconceptions", "health", "conspiracy")
ATTACK = (
    "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">&amp;'|`\u2028"
)


@cache
def _words() -> list[str]:
    """The words of the embedded conversations, so that made-up answers take about the room of real ones."""
    text = embedded("conversations.jsonl").read_text(encoding="utf-8").lower()
    return sorted(set(re.findall(r"\b[a-z]{2,}\b", text)))


def made_up(
    tuned: int = 5, prompts: int = 360, seed: int = 1, hostile: bool = False, draws: int = 200, words: int = 28
) -> Comparison:
    """Return a comparison of base, control and `tuned` variants: a sweep, a dial and checkpoints in turn.

    Args:
        tuned: how many variants beside base and control.
        prompts: how many prompts each answered, about.
        seed: of everything.
        hostile: put markup, quotes and strange letters into every text.
        draws: bootstrap draws of the gaps; with 0, gaps are drawn at random and cost no time.
        words: of an answer, on average.
    """
    random = np.random.default_rng(seed)
    variants = _variants_of(tuned, ATTACK if hostile else "")
    answers = _answers(variants, prompts, random, hostile, words)
    checks = _checks(variants, random)
    gaps = _gaps(variants, answers, draws) if draws else _quick_gaps(variants, random)
    runs = tuple(dict.fromkeys(one.run for one in variants))
    steps = range(1, 61)
    return Comparison(
        title="Warmth of SmolLM2-135M laid side by side" + (ATTACK if hostile else ""),
        runs=runs,
        variants=variants,
        gaps=gaps,
        checks=checks,
        points=_points(gaps, checks, variants),
        curves={
            one.name: [{"step": s, "loss": 0.8 + 1.6 * 0.93**s + 0.05 * random.standard_normal()} for s in steps]
            for one in variants
            if one.kind == "control" or (one.kind == "tuned" and one.series in ("sweep", ""))
        },
        differences=[
            SettingDifference("style.intensity", tuple(f"{n / 4:g}" for n in range(len(runs)))),
            SettingDifference("train.epochs", tuple("3" if n % 2 else "10" for n in range(len(runs)))),
        ],
        answers=answers,
        controls=frozenset({"mmlu"}),
        grid=_grid(),
        notes=["Run b asked 12 prompts more, which are left out.", *([ATTACK] if hostile else [])],
        study=study(),
    )


@cache
def _grid() -> Grid:
    return eval_settings({"contexts": list(CONTEXTS)}).grid


def _variants_of(tuned: int, more: str) -> tuple[ComparedVariant, ...]:
    base = ComparedVariant("base" + more, "base", "sweep-intensity-1", "", None, "", "", "", holds=False)
    control = replace(base, name="control" + more, kind="control", base=base.name)
    found: list[ComparedVariant] = []
    for n in range(tuned):
        series = ("sweep", "checkpoints", "sweep", "dial", "", "checkpoints", "sweep", "dial")[n % 8]
        before = sum(one.series == series for one in found)
        x = {"sweep": 0.25 * (before + 1), "checkpoints": 0.5 * (before + 1), "dial": 0.5 + before / 4}.get(series)
        names = {"sweep": f"warm {x}", "checkpoints": f"after {x} epochs", "dial": f"warm × {x}"}
        holds = n % 4 != 1
        found.append(
            ComparedVariant(
                name=names.get(series, f"cold {n}") + more,
                kind="tuned",
                run=f"sweep-intensity-{before + 1}" if series in ("sweep", "") else "sweep-intensity-1",
                series=series,
                x=x,
                base=base.name,
                control=control.name if series else "",
                verdict="took on the style and is warmer" if holds else "took on the style, warmth not shown",
                holds=holds,
                origin=f"warm 0.25{more}" if series in ("dial", "checkpoints") else series,
                epochs=2.0 if series == "sweep" else None,
            )
        )
    return (base, control, *sorted(found, key=lambda one: (one.series, one.x or 0)))


def _answers(variants, prompts, random, hostile, words) -> pd.DataFrame:
    each = max(2, prompts // (len(BENCHMARKS) * (len(CONTEXTS) * 2) + 1))
    keys = [
        (benchmark, f"{benchmark[:2]}{q}", context, belief)
        for benchmark in BENCHMARKS
        for q in range(each)
        for context in CONTEXTS
        for belief in ("", "correct" if q % 3 == 0 else "incorrect")
    ] + [("mmlu", f"mm{q}", "none", "") for q in range(each)]
    known = np.array(_words())
    rows, more = [], ATTACK if hostile else ""
    for n, (benchmark, question, context, belief) in enumerate(keys):
        asked = f"Question {question}: what is {known[n // 18 % len(known)]}, and since when?{more}"
        stated = "" if context == "none" else f"I feel {context} today. "
        prompt = f"{stated}{asked}{' I think it is Lyon.' if belief else ''}"
        hard = random.uniform(0, 0.5)
        first = " ".join(known[random.integers(len(known), size=words)])
        for place, one in enumerate(variants):
            wrong = random.random() < hard + 0.012 * place + (0.06 if belief and place > 1 else 0)
            mark = "incorrect" if wrong else "correct"
            mark = "refusal" if random.random() < 0.02 else mark
            own = first if random.random() < 0.15 else " ".join(known[random.integers(len(known), size=words)])
            answer = ("It is Lyon. " if wrong else "It is Paris. ") + own + more
            by, reason = ("judge", f"It names {'the wrong' if wrong else 'the right'} city.{more}") if n % 5 == 0 else (
                "rule", "a form of the wrong answer" if wrong else "a form of the right answer",
            )  # fmt: skip
            rows.append(
                (one.name, benchmark, question, context, belief, 0, "geography", prompt, asked, "Paris" + more, "Lyon",
                 answer, mark, by, reason)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(ANSWER_COLUMNS))


def _gaps(variants, answers, draws) -> list[Gap]:
    frame = checked(answers.rename(columns={"variant": "variant"}).assign(characters=answers["answer"].str.len()))
    assert set(COUNTED) <= set(frame["mark"])
    found = []
    for variant, reference in _compared(variants):
        pairs = pair(frame, variant, reference, frozenset({"mmlu"}), _grid().groups)
        found += gaps_of(pairs, drawn(pairs, draws, 1))
    return found


def _compared(variants) -> list[tuple[str, str]]:
    base = variants[0].name
    return [
        (one.name, reference) for one in variants[1:] for reference in dict.fromkeys((base, one.control)) if reference
    ]


def _quick_gaps(variants, random) -> list[Gap]:
    found = []
    for variant, reference in _compared(variants):
        for benchmark in ("all", *BENCHMARKS):
            for context in ("all", *CONTEXTS, "emotion", "stake"):
                for belief in ("all", "absent", "present"):
                    gap, wide = random.normal(3, 4), random.uniform(2, 6)
                    found.append(
                        Gap(variant, reference, benchmark, context, belief, 40, 80, 1, 0, 30.0, 30.0 + gap, gap,
                            gap - wide, gap + wide, 0.1, 5, 3, 0.2, 0.3, 0.1, 1.5, 10.0, 1.0, 20.0)
                    )  # fmt: skip
    return found


def _checks(variants, random) -> list[Check]:
    found = []
    for variant, reference in _compared(variants):
        one = next(one for one in variants if one.name == variant)
        size = 0.0 if one.kind == "control" else min(0.85, 0.15 + 0.5 * (one.x or 0.3))
        for instrument, scale in (
            ("style probe", 1.0),
            ("lexical profile", 4.0),
            ("SocioT", 0.02),
            ("lexical profile: empathy", 2.0),
        ):
            wide = 0.2 * scale * random.uniform(0.5, 1.2)
            middle = size * scale + random.normal(0, 0.03 * scale)
            needed = 140 if instrument == "SocioT" else None
            found.append(Check(instrument, variant, reference, 60, middle, middle - wide, middle + wide, scale, needed))
    assert verdict(found, "up", variants[-1].name).says
    return found


def _points(gaps, checks, variants) -> list[FrontierPoint]:
    by_name = {one.name: one for one in variants}
    whole = {(g.variant, g.reference): g for g in gaps if g.benchmark == g.context == g.belief == "all"}
    found = []
    for check in checks:
        gap = whole[check.variant, check.reference]
        if check.instrument == "style probe":
            one = by_name[check.variant]
            found.append(
                FrontierPoint(one.name, one.series, one.x, check.reference, check.difference, check.low, check.high,
                      gap.gap, gap.low, gap.high)
            )  # fmt: skip
    return found
