import numpy as np
import pytest

from warmtune.analysis.agreement import kappa, kappa_interval
from warmtune.analysis.power import needed, smallest_gap


def test_more_questions_find_smaller_gaps_and_the_two_ways_agree():
    few, many = smallest_gap(100, 1), smallest_gap(500, 1)
    assert many < few
    assert many == pytest.approx(5.7, abs=0.1)  # 2.80 * sqrt(0.21 / 500)
    assert needed(many, 1) == pytest.approx(500, abs=2)
    assert smallest_gap(500, 18) < many
    assert smallest_gap(500, 18, correlation=1.0) == pytest.approx(many)


def test_four_fifths_of_simulated_studies_find_the_smallest_gap():
    """Independent pairs with the assumed discordance: the formula's power of 80 % is really there."""
    questions, discordant = 400, 0.21
    gap = smallest_gap(questions, 1, discordant) / 100
    generator = np.random.default_rng(0)
    worse, better = (discordant + gap) / 2, (discordant - gap) / 2
    draws = generator.choice([1, -1, 0], p=[worse, better, 1 - discordant], size=(2000, questions))
    z = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / np.sqrt(questions))
    assert (z > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_kappa_by_hand():
    one, other = list("ccccciiiii"), list("cccciiiiic")
    assert kappa(one, other) == pytest.approx(0.6)
    value, low, high = kappa_interval(one, other, 500, 1)
    assert low < value < high
    assert np.isnan(kappa(["c"], ["c"]))
    assert np.isnan(kappa([], []))
    assert np.isnan(kappa_interval(["c", "c"], ["c", "c"], 100, 1)[1])
