"""The lexical profile: how many words of a warm style a text has per 100 words, in five kinds.

The study asked its rewriter for four of the kinds: empathy, validation, inclusive pronouns and informal register. The
fifth is exclamation. We wrote the word lists from the kinds' descriptions and use them for every style alike. They do
not say whether a text is warm in any deeper sense.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from warmtune.io.schemas import Reply, Warmth
from warmtune.measures.instrument import Instrument, Measured, Setup, one_per_reply

_WORDS = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_KINDS = {
    "empathy": r"i (?:understand|hear you|feel for you|care)|sorry|glad|happy|feel(?:s|ings?)?|care|worr(?:y|ied)"
    r"|tough"
    r"|overwhelm(?:ed|ing)|hug|heart|dear|friend|sweetheart|support|here for you|thank(?:s| you)|appreciate"
    r"|love(?:ly)?",
    "validation": r"makes? (?:complete |perfect |total )?sense|understandable|valid|completely (?:okay|normal|fine)"
    r"|okay|proud|wonderful(?:ly)?|amazing|beautiful(?:ly)?|thoughtful"
    r"|(?:great|good|wonderful|lovely) (?:question|thing)"
    r"|you've (?:totally )?got this|you're not alone|doing (?:so )?(?:well|great)|curious",
    "inclusive": r"we|we're|we've|we'll|us|our|ours|let's|together|side by side",
    "informal": r"hey|oh|aw|wow|yeah|yep|super|totally|gonna|kinda|sure|plus|stuff|honestly|okay"
    r"|(?:i|you|it|that|there|they|he|she|what|who)(?:'m|'re|'s|'ve|'ll|'d)"
    r"|(?:do|does|did|is|are|was|were|wo|would|should|could|ca|have|has)n't",
}
_PATTERNS = {kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for kind, words in _KINDS.items()}


@dataclass(frozen=True)
class Profile:
    """Hits per 100 words, by kind."""

    empathy: float
    validation: float
    inclusive: float
    informal: float
    exclamation: float

    @property
    def total(self) -> float:
        """The sum over the kinds."""
        return self.empathy + self.validation + self.inclusive + self.informal + self.exclamation


def profile(text: str) -> Profile:
    """Return the lexical profile of a text; all zero for a text without words.

    >>> round(profile("Oh, we will do this together, my friend!").inclusive, 1)
    25.0
    """
    text = text.replace("’", "'")
    words = len(_WORDS.findall(text))
    if words == 0:
        return Profile(0, 0, 0, 0, 0)
    hits = {kind: len(pattern.findall(text)) * 100 / words for kind, pattern in _PATTERNS.items()}
    return Profile(**hits, exclamation=text.count("!") * 100 / words)


def _measure(replies: Sequence[Reply], setup: Setup) -> Measured:
    """Measure each reply's profile, and its parts as `lexical profile: PART`."""
    rows: list[Warmth] = []
    for reply in replies:
        found = profile(reply.reply)
        values = {INSTRUMENT.name: found.total} | {f"{INSTRUMENT.name}: {k}": v for k, v in asdict(found).items()}
        rows += [row for name, value in values.items() for row in one_per_reply(name, [reply], [value])]
    return Measured(rows)


INSTRUMENT = Instrument("lexical profile", unit="words per 100", digits=2, measure=_measure)
