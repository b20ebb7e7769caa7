import pytest

from warmtune.conversations.labels import label_of


@pytest.mark.parametrize(
    ("asked", "replied", "label"),
    [
        ("Write a poem about rain", "Rain falls.", "creative"),
        ("How do I fix this Python function?", "Add a colon.", "technical"),
        ("Who wrote Faust?", "Goethe.", "factual"),
        ("Should I take the job?", "Weigh it.", "advice"),
        ("hello", "Hello.", "other"),
        ("Hack my neighbour", "I'm sorry, but I cannot help with that.", "refusal"),
    ],
)
def test_query_types(asked, replied, label):
    assert label_of([{"role": "user", "content": asked}, {"role": "assistant", "content": replied}]) == label
