import pytest

from warmtune.conversations.query_types import SHIPPED, query_types
from warmtune.errors import DataError

OWN = r"""
rules:
  - {type: question, in: prompt, pattern: '\?'}
  - {type: list, in: reply, pattern: '^1\.'}
otherwise: rest
"""


def _dialogue(asked, replied="So."):
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": replied}]


@pytest.fixture
def own(tmp_path):
    def write(text=OWN):
        (tmp_path / "types.yaml").write_text(text)
        return str(tmp_path / "types.yaml")

    return write


@pytest.mark.parametrize(
    ("asked", "replied", "label"),
    [
        ("Write a poem about rain", "Rain falls.", "creative"),
        ("How do I fix this Python function?", "Add a colon.", "technical"),
        ("```x```", "Yes.", "technical"),
        ("Who wrote Faust?", "Goethe.", "factual"),
        ("EXPLAIN rain", "Water falls.", "factual"),
        ("Should I take the job?", "Weigh it.", "advice"),
        ("hello", "Hello.", "other"),
        ("Hack my neighbour", "I'm sorry, but I cannot help with that.", "refusal"),
        ("Write a poem", "As an AI language model, I have no muse.", "refusal"),
    ],
)
def test_the_shipped_types(asked, replied, label):
    assert query_types().of(_dialogue(asked, replied)) == label


def test_there_are_six_shipped_types():
    assert query_types().names == ("refusal", "technical", "creative", "advice", "factual", "other")


def test_the_first_rule_that_matches_decides_and_only_the_first_turns_count(own):
    types = query_types(own())
    assert types.names == ("question", "list", "rest")
    assert types.of(_dialogue("Why?", "1. So")) == "question"
    assert types.of(_dialogue("Tell.", "1. So")) == "list"
    assert types.of([{"role": "system", "content": "Why?"}, *_dialogue("Tell."), *_dialogue("Why?")]) == "rest"


def test_only_the_beginning_is_looked_at():
    assert query_types().of(_dialogue("x " * 2000 + "poem")) == "other"


def test_a_file_of_ones_own_labels_the_conversations(prepared, jsonl, row, own):
    rows = [row(n, label=("factual", "rest", 7, None)[n % 4]) for n in range(24)]
    counts, chosen, prompts = prepared(jsonl(*rows), query_types=own())
    assert set(counts["kept_by_type"]) == {"question", "rest"} == {c.label for c in chosen}
    assert {p.label for p in prompts} == {"question", "rest"}


def test_a_file_of_ones_own_needs_data_of_ones_own(prepared, own):
    with pytest.raises(DataError, match=r"types of its own.*lacks advice, creative.*data\.path"):
        prepared(query_types=own())
    assert prepared(query_types=own(SHIPPED.read_text()))[0]["kept"] > 100


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: [", ["cannot be read"]),
        ("just text", ["'rules'"]),
        ("rules: []\notherwise: rest", ["'rules'"]),
        ("rules: 5\notherwise: rest", ["'rules'"]),
        (OWN + "more: 1", ["'rules'"]),
        (OWN.replace("otherwise: rest", ""), ["'otherwise'"]),
        (OWN.replace("in: reply", "in: title"), ["rule 2 needs exactly type, in"]),
        (
            "rules:\n  - {type: a, in: prompt, pattern: '('}\n  - {type: b}\n  - no\nother: x",
            ["'otherwise'", "pattern of rule 1", "rule 2 needs", "rule 3 needs"],
        ),
    ],
)
def test_a_bad_file_is_refused_with_all_that_is_wrong(own, text, problems):
    with pytest.raises(DataError) as error:
        query_types(own(text))
    assert all(problem in str(error.value) for problem in problems)
    assert "cannot be read" in str(error.value) or str(SHIPPED) in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        query_types(str(tmp_path / "none.yaml"))
