import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from warmtune.analysis.answer_table import COLUMNS, checked
from warmtune.analysis.bootstrap import mean_interval
from warmtune.analysis.gaps import comparisons, gap_rows
from warmtune.analysis.significance import clustered_error, clustered_p, cohens_g, false_discovery, mcnemar, odds_ratio
from warmtune.errors import DataError
from warmtune.io.schemas import Marked


def _answer(variant, question, context, mark, benchmark="trivia", prompt="?", belief="", sample=0):
    return Marked(
        *(variant, benchmark, question, context, belief, sample, "t", prompt, "q", "r", "w", "a", 1, True, "", False),
        *(mark, "rule", True, False, "rule", mark, "", "", ""),
    )


def _answers(marks, contexts=("none", "sad"), **more):
    """`marks[variant]` is a text of one letter (c, i, r, u) a question, the same in each context."""
    words = {"c": "correct", "i": "incorrect", "r": "refusal", "u": "undecided"}
    return [
        _answer(variant, f"q{n}", context, words[letter], **more)
        for variant, letters in marks.items()
        for n, letter in enumerate(letters)
        for context in contexts
    ]


def _table(answers):
    return checked(pd.DataFrame([dataclasses.asdict(one) for one in answers]).assign(characters=1)[COLUMNS])


def _gaps(answers, draws=300, controls=frozenset()):
    return gap_rows(_table(answers), controls, draws, 1)


def _cell(rows, reference="base", variant="styled", benchmark="all", context="all", belief="all"):
    key = (variant, reference, benchmark, context, belief)
    return next(g for g in rows if (g.variant, g.reference, g.benchmark, g.context, g.belief) == key)


def test_a_gap_counted_by_hand():
    rows = _gaps(_answers({"base": "cccciicc", "control": "cccccccc", "styled": "iicciici"}))
    gap = _cell(rows)
    assert (gap.questions, gap.pairs, gap.refused, gap.undecided) == (8, 16, 0, 0)
    assert (gap.reference_error, gap.variant_error) == (25.0, 62.5)
    assert gap.gap == 37.5
    assert gap.relative == pytest.approx(150)
    assert (gap.worse, gap.better) == (6, 0)
    assert gap.p_mcnemar == pytest.approx(binomtest(6, 6, 0.5).pvalue)
    assert (gap.cohens_g, gap.odds_ratio) == (0.5, math.inf)
    assert math.isnan(gap.low)
    assert math.isnan(gap.p)
    assert _cell(rows, "control").gap == 62.5
    assert _cell(rows, "base", "control").gap == -25.0


def test_every_cell_is_there_and_adds_up():
    answers = _answers({"base": "ccii", "styled": "cici"})
    answers += _answers({"base": "cccc", "styled": "iiii"}, benchmark="health")
    answers += _answers({"base": "ccic", "styled": "iicc"}, belief="incorrect")
    rows = _gaps(answers)
    cells = {(g.benchmark, g.context, g.belief): g for g in rows}
    parts = ("all", "none", "sad")
    assert {key[:2] for key in cells} == {(b, c) for b in ("all", "trivia", "health") for c in parts}
    small = [cells["trivia", c, b] for c in ("none", "sad") for b in ("absent", "present")]
    assert (
        cells["all", "all", "all"].pairs == sum(g.pairs for g in small) + cells["health", "all", "absent"].pairs == 24
    )
    assert cells["health", "sad", "absent"].gap == 100
    assert {key for key, g in cells.items() if not math.isnan(g.q)} == {
        (b, c, w)
        for b, w in (("trivia", "absent"), ("trivia", "present"), ("health", "absent"))
        for c in ("none", "sad")
    }


def test_groups_of_contexts_pool_their_members():
    rows = _gaps(_answers({"base": "cccc", "styled": "icic"}, contexts=("none", "sad", "happy", "high_stakes")))
    assert _cell(rows, context="emotion").pairs == 8
    assert not [g for g in rows if g.context in ("stake", "relation")]


def test_control_benchmarks_stay_out_of_the_gaps_over_all():
    answers = _answers({"base": "cc", "styled": "cc"}) + _answers(
        {"base": "cc", "styled": "ii"}, ("none",), benchmark="mmlu"
    )
    rows = _gaps(answers, controls=frozenset({"mmlu"}))
    assert _cell(rows).gap == 0
    assert _cell(rows, benchmark="mmlu").gap == 100


def test_refusals_and_undecided_answers_leave_their_pair_and_are_counted():
    gap = _cell(_gaps(_answers({"base": "crccu", "styled": "icrcc"})))
    assert (gap.pairs, gap.refused, gap.undecided) == (4, 4, 2)
    assert gap.gap == 50.0


def test_a_cell_of_refusals_has_no_gap():
    gap = _cell(_gaps(_answers({"base": "rr", "styled": "cc"})))
    assert math.isnan(gap.gap)
    assert (gap.pairs, gap.refused, gap.p_mcnemar) == (0, 4, 1.0)


def test_a_variant_against_itself_has_no_gap():
    gap = _cell(_gaps(_answers({"base": "ccici" * 2, "styled": "ccici" * 2})))
    assert (gap.gap, gap.low, gap.high, gap.p, gap.p_mcnemar) == (0, 0, 0, 1, 1)


def test_what_is_not_paired_is_refused_and_named():
    answers = _answers({"base": "cc", "styled": "cc"})
    with pytest.raises(DataError, match=r"1 prompts .* \(0 by styled, 1 by base\), the first trivia/q1/sad"):
        _gaps(answers[:-1])
    with pytest.raises(DataError, match=r"base answered trivia/q0/none twice"):
        _gaps([*answers, answers[0]])
    with pytest.raises(DataError, match=r"trivia/q0/none differs between styled and base: …'\?' against …'other'"):
        _gaps([dataclasses.replace(answers[0], prompt="other"), *answers[1:]])


def test_samples_of_one_prompt_are_pairs_of_their_own_in_one_cluster():
    answers = [a for n in (0, 1) for a in _answers({"base": "cc", "styled": "ic"}, ("none",), sample=n)]
    gap = _cell(_gaps(answers))
    assert (gap.pairs, gap.questions, gap.gap) == (4, 2, 50)


def test_few_questions_make_no_claim():
    nine, ten = (_cell(_gaps(_answers({"base": "c" * n, "styled": "i" * n}))) for n in (9, 10))
    assert math.isnan(nine.low)
    assert math.isnan(nine.p)
    assert (ten.low, ten.high) == (100, 100)


def test_who_is_compared_with_whom():
    assert comparisons(["base", "control", "styled", "half"]) == [
        ("styled", "base"),
        ("styled", "control"),
        ("half", "base"),
        ("half", "control"),
        ("control", "base"),
    ]


@given(worse=st.integers(0, 60), better=st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(worse, better):
    from statsmodels.stats.contingency_tables import mcnemar as theirs

    expected = binomtest(worse, worse + better, 0.5).pvalue if worse + better else 1.0
    assert mcnemar(worse, better) == pytest.approx(expected, abs=1e-12)
    if worse + better:
        assert mcnemar(worse, better) == pytest.approx(theirs([[3, worse], [better, 4]], exact=True).pvalue, abs=1e-9)
        assert cohens_g(worse, better) == pytest.approx(abs(worse / (worse + better) - 0.5))
    if better:
        assert odds_ratio(worse, better) == worse / better


def test_the_clustered_error_is_inspects():
    from inspect_ai.scorer import SampleScore, Score, stderr

    generator = np.random.default_rng(0)
    clusters = np.sort(generator.integers(0, 40, 300))
    values = generator.normal(size=300) + generator.normal(size=40)[clusters]
    scores = [
        SampleScore(score=Score(value=v), sample_metadata={"q": int(c)}) for v, c in zip(values, clusters, strict=True)
    ]
    assert clustered_error(values, clusters) == pytest.approx(stderr(cluster="q")(scores), abs=1e-6)


def test_the_clustered_p_is_the_robust_regressions():
    from statsmodels.regression.linear_model import OLS

    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(30), 5)
    values = generator.normal(0.2, 1, 150) + np.repeat(generator.normal(size=30), 5)
    fit = OLS(values, np.ones(150)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": True, "df_correction": True}, use_t=True
    )
    ours = clustered_p(values, clusters, 1.0)
    # statsmodels' small-sample factor has (N - 1) / (N - k) besides, which is 1 for a mean
    assert ours == pytest.approx(float(fit.pvalues[0]), abs=1e-6)


def test_the_false_discovery_rate_is_scipys():
    from scipy.stats import false_discovery_control

    values = np.random.default_rng(2).random(20) ** 2
    assert false_discovery(list(values)) == pytest.approx(false_discovery_control(values), abs=1e-6)
    assert false_discovery([]) == []


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
