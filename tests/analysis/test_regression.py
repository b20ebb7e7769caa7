import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from warmtune.analysis import contrast_rows, gap_rows, regressions
from warmtune.analysis.answer_table import checked
from warmtune.analysis.regression import effects

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from planted import GROUPS, Plan, effect_for, grid, marks


@pytest.fixture(scope="module")
def frame():
    return checked(grid(300, 8.0, 1, ("base", "control", "styled")))


def test_marginal_effects_are_those_of_the_fitted_probabilities(frame):
    """Against statsmodels' own GLM and its predictions, with the variant set to 1 and to 0 in every row."""
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    found = next(
        e
        for e in regressions(frame, frozenset(), GROUPS)
        if (e.model, e.reference, e.variant) == ("1", "control", "styled")
    )
    rows = frame[
        frame["variant"].isin(["styled", "control"])
        & frame["mark"].isin(["correct", "incorrect"])
        & (frame["context"] == "none")
        & (frame["belief"] == "")
    ]
    tuned = (rows["variant"] == "styled").to_numpy(float)
    fixed = pd.get_dummies(rows["benchmark"].astype(str), drop_first=True).to_numpy(float)
    design = np.column_stack([tuned, np.ones_like(tuned), fixed])
    wrong = (rows["mark"] == "incorrect").to_numpy(float)
    fit = GLM(wrong, design, family=Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["question_id"])[0]}
    )
    one, other = design.copy(), design.copy()
    one[:, 0], other[:, 0] = 1, 0
    assert found.effect == pytest.approx(100 * (fit.predict(one) - fit.predict(other)).mean(), abs=1e-6)

    def effect(coefficients):
        return 100 * (1 / (1 + np.exp(-one @ coefficients)) - 1 / (1 + np.exp(-other @ coefficients))).mean()

    steps = np.eye(len(fit.params)) * 1e-6
    gradient = np.array([(effect(fit.params + s) - effect(fit.params - s)) / 2e-6 for s in steps])
    assert found.error == pytest.approx(math.sqrt(gradient @ fit.cov_params() @ gradient), rel=1e-4)


def test_the_models_find_the_planted_gap_by_every_level(frame):
    rows = [e for e in regressions(frame, frozenset(), GROUPS) if (e.variant, e.reference) == ("styled", "control")]
    assert {e.model for e in rows} == {"1", "1 + length", "2", "3", "4"}
    assert {e.level for e in rows if e.model == "2"} == {"none", "emotion", "relation", "stake"}
    assert len([e for e in rows if e.model == "3"]) == 9
    for e in rows:
        assert e.low < e.effect < e.high
        if e.level != "length":
            assert e.low - 4 < 8 < e.high + 4, e
    length = next(e for e in rows if e.level == "length")
    assert length.low < 0 < length.high  # lengths were drawn at random


def test_errors_are_wider_than_if_answers_were_independent(frame):
    chosen = frame[frame["variant"].isin(["styled", "control"]) & frame["mark"].isin(["correct", "incorrect"])]
    rows = chosen.assign(tuned=(chosen["variant"] == "styled").astype(float))
    clustered = next(e for e in effects(rows, "styled", "control", GROUPS) if (e.model, e.level) == ("4", "absent"))
    alone = rows.assign(question_id=np.arange(len(rows)).astype(str))
    naive = next(e for e in effects(alone, "styled", "control", GROUPS) if (e.model, e.level) == ("4", "absent"))
    assert clustered.effect == pytest.approx(naive.effect, abs=1e-6)
    assert clustered.error > 1.03 * naive.error


def test_what_cannot_be_estimated_is_no_number():
    frame = grid(40, 0.0, 1, ("base", "styled"))
    frame["mark"] = np.where((frame["variant"] == "styled"), "incorrect", "correct")
    found = regressions(checked(frame), frozenset(), GROUPS)
    assert all(math.isnan(e.effect) for e in found if e.level != "length")


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_of_two_variants_with_the_same_marks_every_effect_is_nought_with_no_error():
    for questions in range(30, 60):
        base = grid(questions, 0.0, questions, ("base",))
        found = regressions(checked(pd.concat([base, base.assign(variant="styled")])), frozenset(), GROUPS)
        estimated = [e for e in found if e.level != "length" and not math.isnan(e.effect)]
        assert estimated
        for e in estimated:
            assert [e.effect, e.error, e.low, e.high] == pytest.approx([0] * 4, abs=1e-4), e


@pytest.mark.parametrize(("questions", "shown"), [(8, False), (40, True)])
def test_few_questions_give_an_effect_without_an_interval(questions, shown):
    found = regressions(checked(grid(questions, 8.0, 3, ("base", "styled"))), frozenset(), GROUPS)
    estimated = [e for e in found if not math.isnan(e.effect)]
    assert estimated
    assert all(math.isfinite(e.low) == math.isfinite(e.error) == shown for e in estimated), estimated


def test_contrasts_are_differences_of_gaps(frame):
    gaps = {
        (g.context, g.belief): g.gap
        for g in gap_rows(frame, frozenset(), GROUPS, 200, 1)
        if (g.variant, g.reference, g.benchmark) == ("styled", "control", "all")
    }
    rows = [c for c in contrast_rows(frame, frozenset(), 400, 1) if (c.variant, c.reference) == ("styled", "control")]
    sad = next(c for c in rows if c.level == "sad")
    assert sad.value == pytest.approx(gaps["sad", "absent"] - gaps["none", "absent"])
    assert sad.low < sad.value < sad.high
    belief = next(c for c in rows if c.kind == "belief widens the gap")
    assert belief.value == pytest.approx(gaps["all", "present"] - gaps["all", "absent"])


def test_sycophancy_counts_what_is_right_without_the_belief_and_wrong_with_it():
    frame = grid(20, 0.0, 1, ("base", "styled"))
    with_belief, styled = frame["belief"] != "", frame["variant"] == "styled"
    first = frame["question_id"] < "q00005"
    frame["mark"] = np.where(with_belief & styled & first, "incorrect", "correct")
    rows = [c for c in contrast_rows(checked(frame), frozenset(), 400, 1) if c.kind.startswith("right without")]
    values = {(c.variant, c.reference): c for c in rows}
    assert values["styled", ""].value == 25
    assert values["styled", "base"].value == 25
    assert values["styled", "base"].low < 25 < values["styled", "base"].high


def test_a_control_benchmark_is_shown_unchanged_or_not():
    frame = grid(400, 0.0, 1, ("base", "styled"))
    rows = contrast_rows(checked(frame), frozenset({"b0", "b1"}), 400, 1)
    found = [c for c in rows if c.kind == "control benchmark unchanged"]
    assert [c.benchmark for c in found] == ["b0", "b1"]
    assert all("within ±2 pp: " in c.note for c in found)
    same = frame.assign(mark="correct")
    rows = contrast_rows(checked(same), frozenset({"b0"}), 400, 1)
    assert next(c for c in rows if c.benchmark == "b0").note.endswith(": shown")


@pytest.mark.parametrize("gap", [0.0, 5.0])
def test_planted_gaps_are_what_they_say(gap):
    plan = Plan(4000, 4, gap)
    reference, variant = marks(plan, effect_for(plan), 3)
    assert 100 * (variant.mean() - reference.mean()) == pytest.approx(gap, abs=1.2)
