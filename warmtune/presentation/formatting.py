"""A number, an interval, an estimate and a finding as text: the same for terminal, report, card and comparison page.

An interval of two NaNs means that there is none: too few questions (`analysis.bootstrap.FEWEST`), or, for a regression,
nothing to estimate.
"""

from warmtune.io.schemas import Check, Contrast, Gap
from warmtune.measures.registry import instrument

TOO_FEW = "too few"
NONE = "–"


def number(value: float, digits: int = 1, sign: bool = True) -> str:
    """Write a number with a real minus sign, or a dash where there is none.

    >>> number(-0.02), number(3.14159, 2), number(float("nan")), number(-4.0, 0)
    ('0.0', '+3.14', '–', '−4')
    """
    if value != value:
        return NONE
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    return text[1:] if float(text) == 0 and text[0] in "+-" else text.replace("-", "−")


def interval(low: float, high: float, digits: int = 1, sign: bool = True, missing: str = TOO_FEW) -> str:
    """Write an interval as `[low, high]`, or say why there is none.

    >>> interval(-1.25, 3), interval(float("nan"), float("nan"))
    ('[−1.2, +3.0]', 'too few')
    """
    return missing if low != low else f"[{number(low, digits, sign)}, {number(high, digits, sign)}]"


def check_number(check: Check) -> str:
    """Write an instrument's difference with as many digits as it has."""
    return number(check.difference, instrument(check.instrument).digits)


def check_interval(check: Check) -> str:
    """Write its interval."""
    return interval(check.low, check.high, instrument(check.instrument).digits)


def includes_zero(low: float, high: float) -> bool:
    """Return whether an interval leaves the sign open: it includes 0, or there is none."""
    return not (low > 0 or high < 0)


def value(one: Gap | Check | Contrast) -> float:
    """Return the figure that an interval belongs to."""
    return one.gap if isinstance(one, Gap) else one.difference if isinstance(one, Check) else one.value


def estimate(one: Gap | Check | Contrast, digits: int = 1) -> str:
    """Write a figure with its interval: `+1.5 [−0.2, +3.2]`, or `+1.5 (too few)`."""
    return f"{number(value(one), digits)} {interval(one.low, one.high, digits, missing=f'({TOO_FEW})')}"


def with_mark(one: Gap | Check, digits: int = 1) -> str:
    """Write the same for a table of the terminal, with `~` where the interval includes 0."""
    return estimate(one, digits) + (" ~" if one.low <= 0 <= one.high else "")


def direction(one: Gap | Check) -> str:
    """Say on which side of 0 an interval lies."""
    if one.low != one.low:
        return TOO_FEW
    return "includes 0" if includes_zero(one.low, one.high) else "higher" if one.low > 0 else "lower"


def finding(gap: Gap, reference: str = "") -> str:
    """Say what a gap's interval shows.

    Args:
        gap: the gap.
        reference: the name of what it is compared with; empty where the reader already sees it.
    """
    than, to = (f" than {reference}", f" to {reference}") if reference else ("", "")
    if not gap.pairs:
        return f"no pair with {reference} counts" if reference else "no pair counts"
    if gap.low != gap.low:
        return f"{gap.questions} questions are too few for a claim{f' about {reference}' if reference else ''}"
    if includes_zero(gap.low, gap.high):
        return f"no difference{to} shown: the interval includes 0"
    return f"wrong {'more' if gap.low > 0 else 'less'} often{than}"


def clipped(text: str, letters: int) -> str:
    """Return a text fit for a label: one line without control characters, and cut with an ellipsis where too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= letters else line[: letters - 1] + "…"
