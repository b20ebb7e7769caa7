import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from warmtune.analysis.bootstrap import mean_interval
from warmtune.analysis.gaps import gap_rows, mcnemar
from warmtune.errors import DataError
from warmtune.schemas import Answer


def _answer(variant, question, condition, mark, benchmark="trivia", prompt="?"):
    return Answer(variant, benchmark, question, condition, "t", prompt, "a", mark, "rule", 1, True)


def _answers(marks, conditions=("plain", "sad")):
    """`marks[variant]` is a text of one letter (c, i, r) a question, the same in each condition."""
    words = {"c": "correct", "i": "incorrect", "r": "refusal"}
    return [
        _answer(variant, f"q{n}", condition, words[letter])
        for variant, letters in marks.items()
        for n, letter in enumerate(letters)
        for condition in conditions
    ]


def _overall(rows, reference="base", variant="styled"):
    return next(
        g for g in rows if (g.variant, g.reference, g.benchmark, g.condition) == (variant, reference, "all", "all")
    )


def test_a_gap_counted_by_hand():
    rows = gap_rows(_answers({"base": "cccciicc", "control": "cccccccc", "styled": "iicciici"}), 500, 1)
    gap = _overall(rows)
    assert (gap.questions, gap.pairs, gap.dropped) == (8, 16, 0)
    assert (gap.reference_error, gap.variant_error) == (25.0, 62.5)
    assert gap.gap == 37.5
    assert (gap.worse, gap.better) == (6, 0)
    assert gap.p == pytest.approx(binomtest(6, 6, 0.5).pvalue)
    assert gap.low <= gap.gap <= gap.high
    assert _overall(rows, "control").gap == 62.5
    assert _overall(rows, "base", "control").gap == -25.0


def test_every_cell_is_there_and_adds_up():
    answers = _answers({"base": "ccii", "styled": "cici"}) + [
        dataclasses.replace(a, benchmark="health") for a in _answers({"base": "cccc", "styled": "iiii"})
    ]
    rows = gap_rows(answers, 200, 1)
    cells = {(g.benchmark, g.condition): g for g in rows}
    assert set(cells) == {(b, c) for b in ("all", "trivia", "health") for c in ("all", "plain", "sad")}
    assert cells["all", "all"].pairs == sum(cells[b, c].pairs for b in ("trivia", "health") for c in ("plain", "sad"))
    assert cells["health", "sad"].gap == 100


def test_refusals_leave_their_pair_and_are_counted():
    gap = _overall(gap_rows(_answers({"base": "crcc", "styled": "icrc"}), 200, 1))
    assert (gap.pairs, gap.dropped) == (4, 4)
    assert gap.gap == 50.0


def test_a_cell_of_refusals_has_no_gap():
    gap = _overall(gap_rows(_answers({"base": "rr", "styled": "cc"}), 200, 1))
    assert math.isnan(gap.gap)
    assert (gap.pairs, gap.dropped, gap.p) == (0, 4, 1.0)


def test_a_variant_against_itself_has_no_gap():
    gap = _overall(gap_rows(_answers({"base": "ccici", "styled": "ccici"}), 200, 1))
    assert (gap.gap, gap.low, gap.high, gap.p) == (0, 0, 0, 1)


def test_what_is_not_paired_is_refused():
    answers = _answers({"base": "cc", "styled": "cc"})
    with pytest.raises(DataError, match="1 prompts were answered by one variant only"):
        gap_rows(answers[:-1], 200, 1)
    with pytest.raises(DataError, match="twice"):
        gap_rows([*answers, answers[0]], 200, 1)
    with pytest.raises(DataError, match="differs between variants"):
        gap_rows([dataclasses.replace(answers[0], prompt="other"), *answers[1:]], 200, 1)


@given(worse=st.integers(0, 60), better=st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(worse, better):
    expected = binomtest(worse, worse + better, 0.5).pvalue if worse + better else 1.0
    assert mcnemar(worse, better) == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_independent_values_is_scipys():
    from scipy.stats import bootstrap

    values = np.random.default_rng(0).normal(size=200)
    mean, low, high = mean_interval(values.tolist(), range(200), 20_000, 1)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.005)


def test_the_interval_of_clusters_has_inspects_clustered_width():
    """Against the cluster-robust standard error that Inspect computes (its own oracle), for large samples."""
    from inspect_ai.scorer import SampleScore, Score, stderr

    generator = np.random.default_rng(0)
    shared = np.repeat(generator.normal(size=400), 4)
    values = (shared + generator.normal(size=1600)).tolist()
    clusters = [n // 4 for n in range(1600)]
    _, low, high = mean_interval(values, clusters, 20_000, 1)
    scores = [
        SampleScore(score=Score(value=v), sample_metadata={"q": c}) for v, c in zip(values, clusters, strict=True)
    ]
    clustered = stderr(cluster="q")(scores)
    assert (high - low) / (2 * 1.96) == pytest.approx(clustered, rel=0.03)
    _, low, high = mean_interval(values, range(1600), 20_000, 1)
    assert (high - low) / (2 * 1.96) < 0.8 * clustered  # the naive interval is too narrow


def test_intervals_are_repeatable_and_refuse_nothing_given():
    one = mean_interval([0, 1, 1], "abc", 500, 3)
    assert one == mean_interval([0, 1, 1], "abc", 500, 3)
    with pytest.raises(ValueError, match="0 values"):
        mean_interval([], [], 500, 3)


@pytest.mark.parametrize("truth", [0.0, 0.05])
def test_the_interval_covers_a_planted_gap(truth):
    """300 simulated data sets of 72 questions in four conditions, with shared difficulty: coverage near 95 %."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        difficulty = np.repeat(generator.uniform(0.2, 0.8, 72), 4)
        base = generator.random(288) < difficulty
        styled = generator.random(288) < difficulty + truth
        differences = (styled.astype(int) - base).tolist()
        _, low, high = mean_interval(differences, [n // 4 for n in range(288)], 400, 1)
        covered += low <= truth <= high
    assert 0.90 <= covered / 300 <= 0.98
