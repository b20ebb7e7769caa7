"""Numbers with their units: every one of the original in the rewrite, and none that is new."""

import re
from dataclasses import dataclass

_WORDS = {
    **{word: n for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve thirteen"
                                        " fourteen fifteen sixteen seventeen eighteen nineteen".split())},
    **dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True)),
    **{word: n for n, word in enumerate("third fourth fifth sixth seventh eighth ninth tenth".split(), start=3)},
    "half": 0.5, "quarter": 0.25, "dozen": 12, "twice": 2, "double": 2, "triple": 3, "couple": 2, "both": 2, "pair": 2,
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12}
_UNITS: dict[str, tuple[str, float]] = {
    name: (kind, factor)
    for kind, factor, names in (
        ("time", 1, "second seconds sec secs s"), ("time", 60, "minute minutes min mins"),
        ("time", 3600, "hour hours hr hrs h"), ("time", 86400, "day days"), ("time", 604800, "week weeks"),
        ("months", 1, "month months"), ("months", 12, "year years yr yrs"), ("months", 120, "decade decades"),
        ("months", 1200, "century centuries"),
        ("mass", 1e-3, "mg milligram milligrams"), ("mass", 1, "g gram grams gramme grammes"),
        ("mass", 1e3, "kg kilo kilos kilogram kilograms"), ("mass", 453.59237, "lb lbs pound pounds"),
        ("mass", 28.349523, "oz ounce ounces"), ("mass", 1e6, "tonne tonnes"), ("microgram", 1, "µg mcg microgram micrograms"),
        ("length", 1e-3, "mm millimetre millimetres millimeter millimeters"),
        ("length", 1e-2, "cm centimetre centimetres centimeter centimeters"),
        ("length", 1, "metre metres meter meters"), ("length", 1e3, "km kilometre kilometres kilometer kilometers"),
        ("length", 1609.344, "mi mile miles"), ("length", 0.3048, "ft foot feet"), ("length", 0.0254, "inch inches"),
        ("volume", 1e-3, "ml millilitre millilitres milliliter milliliters"),
        ("volume", 1, "l litre litres liter liters"), ("tablespoon", 1, "tbsp tablespoon tablespoons"),
        ("teaspoon", 1, "tsp teaspoon teaspoons"), ("cup", 1, "cup cups"), ("clove", 1, "clove cloves"),
        ("percent", 1, "% percent per-cent pc"), ("celsius", 1, "°c celsius"), ("fahrenheit", 1, "°f fahrenheit"),
        ("energy", 1, "kcal calories calorie"), ("speed", 1, "km/h kph"), ("mph", 1, "mph"),
        ("byte", 1e6, "mb megabyte megabytes"), ("byte", 1e9, "gb gigabyte gigabytes"), ("byte", 1e12, "tb terabyte"),
        ("dollar", 1, "$ dollar dollars usd"), ("euro", 1, "€ euro euros eur"), ("sterling", 1, "£ gbp quid"),
        ("pence", 1, "p pence"), ("cent", 1, "cent cents"), ("am", 1, "am a.m"), ("pm", 1, "pm p.m"),
    )
    for name in names.split()
}  # fmt: skip
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w)])-)?(?P<money>[$€£])?\s?(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:/\d+)?|[½¼¾])"
    r"(?P<clock>:\d{2})?(?:st|nd|rd|th)?(?![\d])",
)
_AFTER = re.compile(r"[\s-]{0,2}(?:(?P<scale>hundred|thousand|million|billion|trillion|k|bn)\b[\s-]?)?(?P<unit>%|°\s?[CF]\b|km/h|[ap]\.m\b|[A-Za-zµ]+)?")
_NAMED = "|".join(sorted((*_WORDS, "hundred", "thousand", "million", "billion"), key=len, reverse=True))
_SPELLED = re.compile(
    rf"\b(?:{_NAMED})(?:(?:[\s-]+|(?<=hundred)\s+and\s+|(?<=thousand)\s+and\s+)(?:{_NAMED})\b)*\b", re.IGNORECASE
)
_IDIOMS = re.compile(
    r"\b(?:one another|one by one|one step at a time|one day at a time|no one|every ?one|any ?one|some ?one|each one|this one"
    r"|that one|which one|the one|a thousand times|a million times|a million|a hundred percent|one hundred percent"
    r"|100 ?%|24/7|two cents|the two of us|the two of you|both of us|on all fours|one of|one or two|an? (?:one|two)"
    r"|at ones?|second (?:guess|nature|to none)|half the battle|your (?:better|other) half|one big|one little|one tiny"
    r"|one sweet|one small|one more|one last|one quick|one gentle|one thing)\b",
    re.IGNORECASE,
)
_NOON = re.compile(r"\b(?:12(?::00)? )?(?:noon|midday|midnight)\b", re.IGNORECASE)
_LOOSE = {0.0, 1.0}
"""Values whose words are too common to ask for: "one", "a", "none"."""


@dataclass(frozen=True)
class Number:
    """One number in a text."""

    text: str
    value: float
    kind: str
    """What is counted, in a base unit; empty where no unit stands there."""
    spelled: bool

    def same(self, other: "Number") -> bool:
        """Tell whether two numbers mean the same amount, in whatever unit; a missing unit contradicts none."""
        if "clock" in (self.kind[:5], other.kind[:5]):
            return _near(self.value % 12, other.value % 12) and {self.kind, other.kind} != {"clock-am", "clock-pm"}
        if "percent" in (self.kind, other.kind) and self.kind != other.kind:
            share, other_share = (n.value / 100 if n.kind == "percent" else n.value for n in (self, other))
            if _near(share, other_share):
                return True
        if self.kind and other.kind and self.kind != other.kind:
            return False
        if self.kind and other.kind:
            return _near(self.value, other.value)
        return _near(self.bare, other.bare) or _near(self.value, other.value)

    @property
    def bare(self) -> float:
        """The number as it is written, without its unit's factor."""
        unit = _unit_of(self.text)
        return self.value / unit[1] if unit else self.value


def numbers(text: str) -> list[Number]:
    """Return the numbers of a plain text in order.

    >>> [(n.value, n.kind) for n in numbers("Wait 5 minutes at 95 °C, then half an hour.")]
    [(300.0, 'time'), (95.0, 'celsius'), (1800.0, 'time')]
    """
    text = _NOON.sub(lambda match: "12:00" if match.group().lower().endswith("noon") else "0:00", _IDIOMS.sub(" ", text))
    found = [(match.start(), _written(text, match)) for match in _NUMBER.finditer(text)]
    taken = [(match.start(), match.end()) for match in _NUMBER.finditer(text)]
    for match in _SPELLED.finditer(text):
        if not any(start <= match.start() < end for start, end in taken):
            value = _spelled(match.group())
            after = re.match(r"\s+(?:of\s+)?(?:an?\s+)?", text[match.end() :])
            found.append((match.start(), _with_unit(text, match.start(), match.end() + (after.end() if after else 0), value, True)))
    return [number for _, number in sorted(found, key=lambda pair: pair[0])]


def changed_numbers(original: list[Number], styled: list[Number]) -> str:
    """Say which number was lost or is new, or return an empty string."""
    for number in original:
        if number.bare in _LOOSE or any(number.same(other) for other in styled):
            continue
        if number.spelled and number.value <= 2:
            continue
        return f"the number '{number.text}' is missing or changed"
    for number in styled:
        if number.spelled and (number.value <= 2 or not number.kind and number.value > 99):
            continue
        if number.value in _LOOSE and not number.kind:
            continue
        if not any(number.same(other) for other in original):
            if number.value == _unit_factor(number) and number.spelled:
                continue
            return f"the number '{number.text}' is not in the original"
    return ""


_PER = re.compile(r"\b(?:per|a|each|every)\s+([a-z]+)\b", re.IGNORECASE)


def changed_rates(original: str, styled: str) -> str:
    """Say when a measure such as "per kilogram" became one of another size, or return an empty string."""
    before, after = ({_UNITS[w.lower()] for w in _PER.findall(t) if w.lower() in _UNITS} for t in (original, styled))
    gone = [unit for unit in before - after if unit[0] in _MEASURES]
    new = [unit for unit in after - before if unit[0] in _MEASURES]
    changed = any(one[0] == other[0] for one in gone for other in new)
    return "a measure (per kilogram, per mile and the like) became another" if changed else ""


_MEASURES = ("time", "months", "mass", "length", "volume")


def _unit_factor(number: Number) -> float:
    unit = _unit_of(number.text)
    return unit[1] if unit else 1.0


def _written(text: str, match: re.Match[str]) -> Number:
    digits = match["digits"]
    if digits in "½¼¾":
        value = {"½": 0.5, "¼": 0.25, "¾": 0.75}[digits]
    elif "/" in digits and float(digits.split("/")[1]):
        value = float(digits.split("/")[0]) / float(digits.split("/")[1])
    else:
        value = float(digits.split("/")[0].replace(",", ""))
    if match["clock"]:
        value += float(match["clock"][1:]) / 60
        half = re.match(r"\s?([ap])\.?m\b", text[match.end() :])
        return Number(match.group().strip(), value, f"clock-{half[1]}m" if half else "clock", False)
    value = -value if match["sign"] else value
    if match["money"]:
        kind = _UNITS[match["money"]][0]
        scale = _AFTER.match(text[match.end() :])
        factor = _SCALES[scale["scale"].lower()] if scale and scale["scale"] else 1
        return Number(match.group().strip(), value * factor, kind, False)
    return _with_unit(text, match.start(), match.end(), value, False)


def _with_unit(text: str, start: int, end: int, value: float, spelled: bool) -> Number:
    after = _AFTER.match(text[end:])
    if after is None:
        return Number(text[start:end].strip(), value, "", spelled)
    if after["scale"]:
        value *= _SCALES[after["scale"].lower()]
    unit = _UNITS.get((after["unit"] or "").replace(" ", "").lower())
    if unit is None:
        return Number(text[start : end + (after.end("scale") if after["scale"] else 0)].strip(), value, "", spelled)
    kind = f"clock-{unit[0]}" if unit[0] in ("am", "pm") else unit[0]
    return Number(text[start : end + after.end("unit")].strip(), value * unit[1], kind, spelled)


def _unit_of(text: str) -> tuple[str, float] | None:
    last = re.search(r"(%|°\s?[CF]|km/h|[A-Za-zµ]+)$", text)
    return _UNITS.get(last.group().replace(" ", "").lower()) if last else None


def _spelled(text: str) -> float:
    total, current = 0.0, 0.0
    for word in re.split(r"[\s-]+", text.lower()):
        if word in _SCALES:
            current = (current or 1) * _SCALES[word]
            if _SCALES[word] > 100:
                total, current = total + current, 0.0
        elif word in _WORDS:
            current += _WORDS[word]
    return total + current


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-6 * max(1.0, abs(one))
