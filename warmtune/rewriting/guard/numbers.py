"""Compare the numbers and units of a rewrite with those of the original."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from warmtune.rewriting.guard.patterns import whole_words
from warmtune.rewriting.guard.units import MEASURES, SCALES, WORDS, spelled, unit

_WRITTEN = re.compile(
    r"(?<![^\W\d_])(?P<sign>(?<![\w)])-)?(?P<money>[$€£])?\s?"
    r"(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:/\d+)?|[½¼¾])(?P<clock>:\d{2})?(?:st|nd|rd|th)?(?!\d)"
)
_AFTER = re.compile(
    r"[\s-]{0,2}(?:(?P<scale>hundred|thousand|million|billion|trillion|k|bn)\b[\s-]?)?"
    r"(?P<unit>%|degrees?\s[CF]\w+|°\s?[CF]\b|km/h|[ap]\.m\b|[A-Za-zµ]+)?"
)
_LAST_UNIT = re.compile(r"(%|degrees?\s[CF]\w+|°\s?[CF]|km/h|[A-Za-zµ]+)$")
_NAMED = "|".join(sorted((*WORDS, "hundred", "thousand", "million", "billion"), key=len, reverse=True))
_SPELLED = re.compile(
    rf"\b(?:{_NAMED})(?:(?:[\s-]+|(?<=hundred)\s+and\s+|(?<=thousand)\s+and\s+)(?:{_NAMED})\b)*\b", re.IGNORECASE
)
_SCALED = re.compile(r"\d\s?$")
_OF = re.compile(r"\s+(?:of\s+)?(?:an?\s+)?")
_HALF_DAY = re.compile(r"\s?([ap])\.?m\b")
_NOON = re.compile(r"\b(?:12(?::00)? )?(?:noon|midday|midnight)\b", re.IGNORECASE)
_FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75}
_PER = re.compile(r"(?<!half )\b(?:per|a|each|every)\s+([a-z]+)\b", re.IGNORECASE)
_ONE = re.compile(r"(?<!half )\b(?:an?|per|each|every)\s+(?:whole |full |single )?([a-z]+)\b", re.IGNORECASE)
_LOOSE = {0.0, 1.0}
"""Values that a rewrite need not repeat, because their words are too common: "one", "a", "none"."""


@dataclass(frozen=True)
class Number:
    """One number in a text."""

    text: str
    value: float
    kind: str
    """What the unit measures, such as `time`; empty without a unit."""
    spelled: bool
    """True for a number in words."""

    def same(self, other: "Number") -> bool:
        """Tell whether two numbers mean the same amount in any units; a missing unit fits every unit."""
        if "clock" in (self.kind[:5], other.kind[:5]):
            return _near(self.value % 12, other.value % 12) and {self.kind, other.kind} != {"clock-am", "clock-pm"}
        if "percent" in (self.kind, other.kind) and self.kind != other.kind:
            share, other_share = (n.value / 100 if n.kind == "percent" else n.value for n in (self, other))
            if _near(share, other_share):
                return True
        if self.kind and other.kind:
            return self.kind == other.kind and _near(self.value, other.value)
        return _near(self.bare, other.bare) or _near(self.value, other.value)

    @property
    def bare(self) -> float:
        """The number as written, without its unit's factor."""
        return self.value / self.size

    @property
    def size(self) -> float:
        """The size of the written unit, in base units; 1 without a unit."""
        last = _LAST_UNIT.search(self.text)
        measure = unit(last.group()) if last else None
        return measure[1] if measure else 1.0


@functools.lru_cache(maxsize=2048)
def numbers(text: str) -> tuple[Number, ...]:
    """Return the numbers of a plain text in order.

    >>> [(n.value, n.kind) for n in numbers("Wait 5 minutes at 95 °C, then half an hour.")]
    [(300.0, 'time'), (95.0, 'celsius'), (1800.0, 'time')]
    """
    text = whole_words("number_idioms").sub(" ", text)
    text = _NOON.sub(lambda match: "12:00" if match.group().lower().endswith("noon") else "0:00", text)
    written = list(_WRITTEN.finditer(text))
    by_position = [(match.start(), number) for match in written for number in _written(text, match)]
    for match in _SPELLED.finditer(text):
        if not _SCALED.search(text, 0, match.start()) and not any(
            digits.start() <= match.start() < digits.end() for digits in written
        ):
            after = _OF.match(text, match.end())
            end = after.end() if after else match.end()
            by_position.append((match.start(), _with_unit(text, match.start(), end, spelled(match.group()), True)))
    return tuple(number for _, number in sorted(by_position, key=lambda pair: pair[0]))


def changed_numbers(original: str, styled: str, prompt: str = "") -> str:
    """Say which number the rewrite of a plain text lost or added, or return an empty string.

    A new number in words ("one pair of", "three cheers") is a manner of speaking and does not count. A number of the
    user's message (`prompt`) does not count as new.
    """
    before, after = numbers(original), numbers(styled)
    styled_numbers, allowed = (*after, *_ones(styled)), (*before, *_ones(original), *numbers(prompt))
    lost = [n for n in before if not _small(n) and not any(n.same(other) for other in styled_numbers)]
    new = [n for n in after if not _says_little(n) and not any(n.same(other) for other in allowed)]
    if lost:
        return f"the number '{lost[0].text}' is missing or changed"
    written = [n for n in new if not n.spelled]
    return f"the number '{written[0].text}' is not in the original" if written else ""


def _small(number: Number) -> bool:
    """Tell whether a rewrite may say this number in other words: "one", "a couple"."""
    return number.bare in _LOOSE or (number.spelled and number.value <= 2)


def _says_little(number: Number) -> bool:
    """Tell whether a new number is only a manner of speaking: "one", "a couple", "a thousand"."""
    if number.spelled:
        return number.value <= 2 or (not number.kind and number.value > 99) or number.value == number.size
    return number.value in _LOOSE and not number.kind


def changed_rates(original: str, styled: str) -> str:
    """Say that a measure such as "per kilogram" became one of another size, or return an empty string."""
    before, after = ({measure for name in _PER.findall(text) if (measure := unit(name))} for text in (original, styled))
    lost = [rate for rate in before - after if rate[0] in MEASURES]
    new = [rate for rate in after - before if rate[0] in MEASURES]
    changed = any(rate[0] == new_rate[0] for rate in lost for new_rate in new)
    return "a measure (per kilogram, per mile and the like) became another" if changed else ""


def _ones(text: str) -> Iterator[Number]:
    """Yield a number for "a week" and the like: it may mean "one week" or "seven days", but need not."""
    for match in _ONE.finditer(text):
        measure = unit(match[1])
        if measure:
            yield Number(match.group(), measure[1], measure[0], True)


def _written(text: str, match: re.Match[str]) -> list[Number]:
    digits = match["digits"]
    if "/" in digits:
        above, below = (float(part) for part in digits.split("/"))
        if not 0 < above < below <= 16:  # "120/80" is two numbers
            return [Number(digits, above, "", False), _with_unit(text, match.start(), match.end(), below, False)]
        return [_with_unit(text, match.start(), match.end(), above / below, False)]
    value = _FRACTIONS[digits] if digits in _FRACTIONS else float(digits.replace(",", ""))
    if match["clock"]:
        half = _HALF_DAY.match(text, match.end())
        kind = f"clock-{half[1]}m" if half else "clock"
        return [Number(match.group().strip(), value + float(match["clock"][1:]) / 60, kind, False)]
    number = _with_unit(text, match.start(), match.end(), -value if match["sign"] else value, False)
    money = unit(match["money"]) if match["money"] else None
    if money:
        scale = _AFTER.match(text, match.end())
        factor = SCALES[scale["scale"].lower()] if scale and scale["scale"] else 1.0
        number = replace(number, text=match.group().strip(), value=value * factor, kind=money[0])
    return [number]


def _with_unit(text: str, start: int, end: int, value: float, in_words: bool) -> Number:
    after = _AFTER.match(text, end)
    if after is None:
        return Number(text[start:end].strip(), value, "", in_words)
    if after["scale"]:
        value *= SCALES[after["scale"].lower()]
    measure = unit(after["unit"] or "")
    if measure is None:
        return Number(text[start : after.end("scale") if after["scale"] else end].strip(), value, "", in_words)
    kind = f"clock-{measure[0]}" if measure[0] in ("am", "pm") else measure[0]
    return Number(text[start : after.end("unit")].strip(), value * measure[1], kind, in_words)


def _near(left: float, right: float) -> bool:
    return abs(left - right) <= 1e-6 * max(1.0, abs(left))
