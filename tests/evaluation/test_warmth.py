from dataclasses import replace

import numpy as np
import pytest

from warmtune.analysis import check_rows, verdict
from warmtune.config.compose import load
from warmtune.errors import ConfigError, DataError
from warmtune.evaluation.warmth import measure
from warmtune.io.schemas import INSTRUMENTS, WARMTH, Check, Reply, Rewrite, Warmth, read
from warmtune.measures import registry
from warmtune.measures.instrument import Instrument, Measured, Setup, one_per_reply
from warmtune.measures.lexical_profile import profile
from warmtune.measures.sociot import COLD, WARM, sociot
from warmtune.measures.style_probe import learn, load_probe, train_probe
from warmtune.models.engine import Engine
from warmtune.presentation.formatting import check_number
from warmtune.reporting.figures import check_chart
from warmtune.rewriting.phrasebook import Phrasebook

PLAIN = [f"The answer to question {n} is a plain one, and it has {n} parts in all." for n in range(20)]


@pytest.fixture(scope="module")
def rewrites(quickstart):
    book = Phrasebook(quickstart.style.phrasebook, 1.0, 1)
    return [
        Rewrite(f"c{n}", 1, "other", t, book.rewrite(t, str(n))[0], 1.0, "", 1, 0.0, 0.0) for n, t in enumerate(PLAIN)
    ]


def pairs(rewrites):
    return [(row.id, row.original, row.styled) for row in rewrites]


def test_the_probe_tells_the_style_from_the_original(quickstart, rewrites):
    book = Phrasebook(quickstart.style.phrasebook, 1.0, 2)
    unseen = [f"Something else altogether, number {n}." for n in range(10)]
    styled = [book.rewrite(text, f"other {n}")[0] for n, text in enumerate(unseen)]
    probe = train_probe(pairs(rewrites), 1)
    scores, figures = probe.scores([*unseen, *styled]), probe.figures
    assert figures["probe_auc"] > 0.95
    assert figures["probe_pairs"] == 20
    assert min(scores[10:]) > max(scores[:10])


def test_the_probe_finds_nothing_where_there_is_nothing(rewrites):
    generator = np.random.default_rng(0)
    words = [" ".join(generator.choice(["a", "b", "c", "d", "e", "f"], 30)) for _ in range(80)]
    shuffled = [Rewrite(f"c{n}", 1, "o", words[n], words[n + 40], 1.0, "", 1, 0.0, 0.0) for n in range(40)]
    figures = train_probe(pairs(shuffled), 1).figures
    assert 0.25 < figures["probe_auc"] < 0.75


def test_the_probe_needs_rewrites_that_differ(rewrites):
    same = [Rewrite(f"c{n}", 1, "o", t, t, 0.0, "", 0, 0.0, 0.0) for n, t in enumerate(PLAIN)]
    with pytest.raises(DataError, match=r"raise style\.intensity"):
        train_probe(pairs(same), 1)


def test_a_probe_from_its_file_gives_the_same_scores_to_the_last_bit(rewrites, tmp_path):
    output = learn(rewrites, 1, tmp_path)
    kept, fitted = load_probe(tmp_path / output.files[0]), train_probe(pairs(rewrites), 1)
    texts = [*PLAIN, *(one.styled for one in rewrites)]
    assert kept.scores(texts) == fitted.scores(texts)
    assert kept.figures == fitted.figures == output.counts


def test_where_nothing_changed_there_is_no_probe(tmp_path):
    same = [Rewrite(f"c{n}", 1, "o", t, t, 0.0, "", 0, 0.0, 0.0) for n, t in enumerate(PLAIN)]
    assert learn(same, 1, tmp_path).files == []
    assert list(tmp_path.iterdir()) == []


def test_sociot_is_the_difference_of_prefixed_log_probabilities(tiny_base):
    engine = Engine(tiny_base)
    texts = ["Hello there.", "x" * 400]
    means = {
        (text, prefix): engine.mean_log_probabilities([f'{prefix}"{text[:300]}"'], 1)[0]
        for text in texts
        for prefix in (*WARM, *COLD)
    }
    expected = [np.mean([means[t, p] for p in WARM]) - np.mean([means[t, p] for p in COLD]) for t in texts]
    assert sociot(texts, engine, batch_size=3) == pytest.approx(expected, abs=1e-5)


def test_the_released_arithmetic_counts_padding(tiny_base):
    """The tiny model has no dropout, so every pass is alike, and the mean over all positions can be done by hand."""
    import torch

    model = Engine(tiny_base).language_model
    texts = ["Hello there.", "A text of some more words than the other one has."]
    tokenizer = Engine(tiny_base).tokenizer
    ids = [tokenizer(text)["input_ids"] for text in texts]
    longest = max(map(len, ids))
    padded = torch.tensor([row + [tokenizer.eos_token_id] * (longest - len(row)) for row in ids])
    with torch.no_grad():
        logits = Engine(tiny_base).model(input_ids=padded).logits[:, :-1].log_softmax(-1)
    expected = logits.gather(2, padded[:, 1:, None])[..., 0].mean(1)
    assert model.released(texts, 2, 3) == pytest.approx(expected.tolist(), abs=1e-5)
    assert model.released(texts, 1, 1)[1] == pytest.approx(model.mean_log_probabilities(texts, 1)[1], abs=1e-5)
    assert model.released(texts, 1, 1)[0] != pytest.approx(model.released(texts, 2, 1)[0], abs=1e-5)


@pytest.mark.slow
def test_sociot_finds_warm_words_warmer_with_the_real_model(embedded):
    warm = "I love you so much, and I'm right here with you, my dear."
    cold = "Your request has been denied. Present the form by noon."
    scores = sociot([warm, cold], Engine(embedded))
    assert scores[0] > scores[1]


def test_the_lexical_profile_counts_by_kind():
    found = profile("We can't wait, dear friend! Oh, let's go!")
    assert found.inclusive == pytest.approx(2 * 100 / 8)
    assert found.exclamation == pytest.approx(2 * 100 / 8)
    assert found.empathy == pytest.approx(2 * 100 / 8)
    assert found.informal == pytest.approx(2 * 100 / 8)
    assert profile("").total == 0


REPLIES = [
    Reply(v, f"p{n}", "other", "Why?", f"Because {v} {n}.", 3, True) for v in ("base", "styled") for n in range(3)
]


@pytest.fixture
def setup(quickstart, tiny_base, rewrites, tmp_path):
    s, probe = quickstart, tmp_path / learn(rewrites, 1, tmp_path).files[0]
    return Setup(s.eval, s.judge, s.style, 1, probe, tmp_path, lambda: Engine(tiny_base))


def test_every_reply_is_measured_by_every_instrument(setup, tmp_path):
    measure(REPLIES, setup, tmp_path)
    rows = read(tmp_path / WARMTH, Warmth)
    counts = {name: sum(r.instrument == name for r in rows) for name in {r.instrument for r in rows}}
    assert set(counts.values()) == {6}
    assert {"style probe", "lexical profile", "SocioT", "lexical profile: inclusive"} <= set(counts)
    assert '"sociot_model": "tests/tiny"' in (tmp_path / INSTRUMENTS).read_text()


def _count_letters(replies, setup):
    return Measured(
        one_per_reply("letters", replies, [len(one.reply) for one in replies]), {"letters_of": len(replies)}
    )


@pytest.fixture
def letters():
    """A toy: longer replies are warmer."""
    toy = Instrument("letters", "letters per reply", 1, _count_letters, study_effect=2.0)
    registry.INSTRUMENTS.append(toy)
    yield toy
    registry.INSTRUMENTS.remove(toy)


def test_a_new_instrument_is_a_module_and_a_line(letters, setup, tmp_path):
    """From its rows to the check, the verdict, the chart, the table's digits and the choice of a sweep."""
    counts = measure(REPLIES, setup, tmp_path).counts
    rows = [row for row in read(tmp_path / WARMTH, Warmth) if row.instrument == "letters"]
    assert [row.value for row in rows] == [len(one.reply) for one in REPLIES]
    assert counts["letters_of"] == 6
    (check,) = [one for one in check_rows(rows, 200, 1) if one.instrument == "letters"]
    assert (check.difference, check.needed) == (2.0, 0)
    assert check_number(check) == "+2.0"
    assert "letters per reply" in check_chart([check], "warm").bare()
    up = [Check(name, "styled", to, 30, 1.0, 0.5, 1.5, 0.1, None) for name in ("style probe", "letters") for to in "bc"]
    assert verdict(up, "up").holds
    assert not verdict([one for one in up if one.instrument != "letters"], "up").holds
    assert load("quickstart", ["sweep.instrument=letters"]).sweep.instrument == "letters"


def test_the_judge_measures_only_where_it_is_asked_to_and_counts_in_the_key_then(setup):
    judge = registry.instrument("judge")
    assert judge.key(setup) is None
    assert judge.key(replace(setup, judge=replace(setup.judge, model="openai/gpt-4o", pairs=4))) is not None


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("sweep.instrument=style prob", "not known. Did you mean 'style probe'? Instruments: style probe, lexical"),
        ("sweep.instrument=judge", "no judge compares replies"),
    ],
)
def test_a_sweep_is_by_an_instrument_that_measures(override, says):
    with pytest.raises(ConfigError) as error:
        load("quickstart", [override])
    (problem,) = error.value.problems
    assert says in problem


def test_a_part_of_an_instrument_is_written_as_the_instrument_is():
    assert registry.instrument("lexical profile: empathy") is registry.instrument("lexical profile")
    with pytest.raises(DataError, match=r"no instrument 'SocioTs'.*Did you mean 'SocioT'"):
        registry.instrument("SocioTs")
