"""Log-probabilities that were measured once are not measured again."""

import pytest

from warmtune.models.cached_scorer import JOURNAL, CachedScorer


class Counting:
    """A scorer that says how long a text is, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def mean_log_probabilities(self, texts, batch_size, report=None):
        self.asked.append(list(texts))
        for done in range(batch_size, len(texts) + batch_size, batch_size):
            if report:
                report(min(done, len(texts)))
        return [-len(text) / 3 for text in texts]


def test_only_new_texts_are_measured_and_all_come_back_in_order(tmp_path):
    model = Counting()
    remembered = CachedScorer(model, "model-1", tmp_path)
    assert remembered.mean_log_probabilities(["a", "bb", "a"], 2) == [-1 / 3, -2 / 3, -1 / 3]
    told = []
    again = CachedScorer(model, "model-1", tmp_path)
    assert again.mean_log_probabilities(["ccc", "bb", "a"], 2, told.append) == [-1.0, -2 / 3, -1 / 3]
    assert model.asked == [["a", "bb"], ["ccc"]]
    assert told[-1] == 3
    assert again.mean_log_probabilities(["a"], 2) == [-1 / 3]
    assert len(model.asked) == 2


def test_another_model_measures_for_itself(tmp_path):
    model = Counting()
    for fingerprint in ("model-1", "model-2"):
        CachedScorer(model, fingerprint, tmp_path).mean_log_probabilities(["a"], 1)
    assert model.asked == [["a"], ["a"]]


def test_a_measurement_that_is_killed_leaves_nothing(tmp_path):
    class Dying(Counting):
        def mean_log_probabilities(self, texts, batch_size, report=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CachedScorer(Dying(), "model-1", tmp_path).mean_log_probabilities(["a", "b"], 1)
    assert (tmp_path / JOURNAL).read_text() == ""
