import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmtune.rewriting.protect import damage, prose_spans, protected_spans

TEXT = """Oslo has 709,000 people (2023). See "the old town" at https://example.org/oslo?x=1.

1. Walk 2.5 km.
2. Run `ls -la`.

```python
print("don't touch 3")
```"""


def test_protected_spans_are_found_in_order():
    assert protected_spans(TEXT) == [
        "709,000",
        "2023",
        '"the old town"',
        "https://example.org/oslo?x=1",
        "1",
        "2.5 km",
        "2",
        "`ls -la`",
        '```python\nprint("don\'t touch 3")\n```',
    ]


def test_prose_is_what_is_left():
    prose = [TEXT[start:end] for start, end in prose_spans(TEXT)]
    assert "Oslo has " in prose[0]
    assert not any("print" in piece or "Walk" in piece or "Run" in piece for piece in prose)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("709,000", "790,000"), "709,000"),
        (("2.5 km", "2.5 kg"), "2.5 km"),
        (("`ls -la`", "`ls -l`"), "ls -la"),
        (("touch 3", "touch 4"), "touch 3"),
        (("oslo?x=1", "oslo"), "oslo?x=1"),
        (("the old town", "the new town"), "the old town"),
        (("2. Run", "And run"), "'2'"),
        (("Oslo has", "Oslo, with 3 forts, has"), "added: '3'"),
    ],
)
def test_damage_is_named(change, says):
    assert says in damage(TEXT, TEXT.replace(*change))


def test_order_and_emptiness_are_damage():
    assert "another order" in damage("From 3 to 5.", "From 5 to 3.")
    assert damage("Something.", "  ") == "the rewrite is empty"
    assert "list items" in damage("- a\n- b", "- a and b")


@given(st.text(max_size=300))
def test_a_text_never_damages_itself(text):
    if text.strip():
        assert damage(text, text) == ""
