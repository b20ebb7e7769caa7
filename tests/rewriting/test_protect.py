from warmtune.rewriting.protect import PROTECTED, prose_spans

TEXT = """Oslo has 709,000 people (2023). See "the old town" at https://example.org/oslo?x=1.

1. Walk 2.5 km.
2. Run `ls -la`.

```python
print("don't touch 3")
```"""


def test_protected_parts_are_found_in_order():
    assert [match.group() for match in PROTECTED.finditer(TEXT)] == [
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
