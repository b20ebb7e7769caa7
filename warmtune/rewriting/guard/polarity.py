"""Negations and opposites: what is denied in the original is denied in the rewrite, and the other way round."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from warmtune.rewriting.guard.text import is_content, stem

_IDIOMS = re.compile(
    r"\b(?:don't (?:you )?worry|no worries|not to worry|no need to worry|nothing to worry about|no problem|no doubt|no wonder"
    r"|(?:you're|you are|are|is|isn't|we're|aren't) (?:so |really )?not alone|not alone|never alone|why not|not only|not just"
    r"|don't hesitate(?: to)?|do not hesitate(?: to)?|don't be (?:shy|hard on yourself|too hard on yourself|afraid)(?: to)?"
    r"|don't feel bad|don't sweat it|can't wait|cannot wait|couldn't be happier|don't forget(?: to)?|do not forget(?: to)?"
    r"|never forget|not to mention|no matter|in no time|no judgment|no judgement|no pressure|no rush|no shame|no stress"
    r"|never stop|isn't (?:it|that|she|he|this)|aren't (?:they|we|you)|doesn't (?:it|that|he|she)|don't (?:you|we|they) (?:think|love)"
    r"|didn't (?:it|they|he|she)|won't (?:it|you|we)\b(?=[^.]*\?)|wasn't (?:it|that)|not a bad|no big deal|not the end of the world"
    r"|can't (?:help|imagine|thank|stress|wait)\b(?: but)?|i don't blame you|you can't go wrong|no time at all|if not|whether or not"
    r"|or not|not really|not quite sure|no one(?:'s)? (?:is )?perfect|none of us|there's no (?:shame|rush|pressure|need to (?:worry|panic|rush|feel))"
    r"|without further ado|without a doubt|no longer hesitate|never be afraid|doesn't have to be (?:scary|hard|perfect|overwhelming))\b",
    re.IGNORECASE,
)
_NEGATOR = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|without|cannot|unable|avoid(?:s|ed|ing)?|skip(?:s|ping)?|refrain(?:s|ing)?"
    r"|steer(?:ing)? (?:clear|away)|stay(?:ing)? away|keep(?:ing)? away|stop(?:s|ping)?"
    r"|prohibit(?:s|ed)?|forbid(?:s|den)?|forbidden|banned|lack(?:s|ing)?|fail(?:s|ed)? to|hardly|barely|rarely|seldom|off limits"
    r"|off-limits|leave (?:[\w']+ ){0,3}out|keep (?:[\w']+ ){0,2}(?:away|off|out)|hold off|free of|nowhere|excluding|except|exempt|out of order|away from|out of(?= (?:direct|reach|sight|the reach))|far from|nope"
    r"|ain't|\w+n't)\b",
    re.IGNORECASE,
)
_BORDER = re.compile(
    r"[.;:!?,\u2013\u2014]|\b(?=(?:but|because|so|while|whereas|although|though|which|who|since|until|unless|if|when|and|then|without"
    r"|than|instead of|rather than|even|except)\b)",
    re.IGNORECASE,
)
_SOFT = re.compile(r"\s*(?:unless|instead of|rather than|until|except|even)\b", re.IGNORECASE)
"""Openings of a clause that says neither that something is nor that it is not."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_UNIQUE = re.compile(r"\b(?:the only|any other|no other|nobody else|no one else|nothing else|optional|any ?more|no longer)\b", re.IGNORECASE)
"""Words that say the same with a negation and without: "the only one" is "nobody else"."""
_PREFIX = re.compile(r"^(?:un|in|im|il|ir|non|dis|ab)(?=\w{4})")
_OPPOSITES = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("always", "never"), ("more", "less fewer"), ("increase increases increased increasing raise raises rises rise",
         "decrease decreases decreased decreasing reduce reduces lower lowers falls drops drop"),
        ("higher", "lower"), ("above", "below"), ("maximum", "minimum"), ("most", "least fewest"), ("before", "after"),
        ("largest biggest", "smallest"), ("longest", "shortest"), ("longer", "shorter"), ("faster", "slower"),
        ("hotter warmer", "colder cooler"), ("north northern", "south southern"), ("east eastern", "west western"),
        ("left", "right"), ("safe", "unsafe dangerous"), ("legal", "illegal"), ("legally", "illegally"),
        ("best", "worst"), ("allow allows allowed", "forbid forbids forbidden prohibit prohibits prohibited"),
        ("true", "false"), ("early earlier", "late later"), ("inside", "outside"), ("same", "different"), ("oldest", "youngest newest"),
        ("possible", "impossible"), ("reversible", "irreversible"), ("optional", "required mandatory"), ("harmless", "harmful dangerous"),
        ("ascending", "descending"), ("heavier", "lighter"), ("closest nearest", "farthest furthest"), ("strongest", "weakest"),
        ("include includes including", "exclude excludes excluding"), ("public", "private"), ("deciduous", "evergreen"),
        ("benign", "malignant"), ("clockwise", "counterclockwise anticlockwise"), ("often frequently", "rarely seldom"),
        ("all", "none"), ("even", "unless except"), ("if", "unless"), ("likely", "unlikely"), ("common", "uncommon rare"), ("effective", "ineffective"),
        ("contagious", "noncontagious"), ("mutable", "immutable"), ("gain gains", "lose loses"),
    )
)  # fmt: skip


_MEASURED = frozenset("more less fewer higher lower longer shorter faster slower hotter warmer colder cooler heavier lighter".split())
_THAN = re.compile(r"\bthan (?:the |a |an )?([a-z]{3,})", re.IGNORECASE)


def turned_comparison(original: str, styled: str) -> bool:
    """Tell whether what things are compared with differs: "more than B" against "less than A"."""
    before, after = ({word.lower() for word in _THAN.findall(text)} for text in (original, styled))
    return bool(before and after and not before & after)


@dataclass(frozen=True)
class Said:
    """One content word and whether it is denied."""

    word: str
    stem: str
    denied: bool
    clause: int


def said(sentence: str, other_stems: set[str]) -> list[Said]:
    """Return a sentence's content words, each with whether its clause is denied.

    A clause with two negations is not denied: "never skip" asks for it. A negative prefix counts as a negation where
    the other text has the word without it: "unsafe" against "safe".
    """
    found: list[Said] = []
    start = 0
    for clause, end in enumerate([*(match.end() for match in _BORDER.finditer(sentence)), len(sentence)]):
        piece = sentence[start:end]
        if _SOFT.match(piece):
            start = end
            continue
        denied = len(_NEGATOR.findall(piece)) % 2 == 1
        for match in _WORD.finditer(piece):
            word = match.group().lower()
            if _NEGATOR.fullmatch(word) or not is_content(word):
                continue
            root, bare = stem(word), stem(_PREFIX.sub("", word))
            turned = bool(_PREFIX.match(word)) and root not in other_stems and bare in other_stems
            found.append(Said(word, bare if turned else root, denied != turned, clause))
        start = end
    return found


def changed_polarity(pairs: Iterable[tuple[str, str]]) -> str:
    """Say what is denied in one text and not in the other, or return an empty string.

    A clause counts as turned when all its words that the other sentence has are denied in one of the two only, and the
    two sentences differ in how many negations they have.

    Args:
        pairs: sentences of the original, each with what says the same in the rewrite.
    """
    for one, other in pairs:
        original, styled = (_IDIOMS.sub(" ", text.replace("’", "'")) for text in (one, other))
        if _UNIQUE.search(original) or _UNIQUE.search(styled):
            continue
        before, after = said(original, _stems(styled)), said(styled, _stems(original))
        denied = sum(word.denied for word in before) > 0, sum(word.denied for word in after) > 0
        if len(_NEGATOR.findall(original)) == len(_NEGATOR.findall(styled)) and denied[0] == denied[1]:
            continue
        reason = _disagreement(before, after)
        if reason:
            return reason
    return ""


def _stems(text: str) -> set[str]:
    return {stem(word.lower()) for word in _WORD.findall(text)}


def _disagreement(before: list[Said], after: list[Said]) -> str:
    denied_after = {word.stem for word in after if word.denied}
    plain_after = {word.stem for word in after if not word.denied}
    by_clause: dict[tuple[int, bool], list[Said]] = {}
    for word in before:
        by_clause.setdefault((word.clause, word.denied), []).append(word)
    for (_, denied), words in by_clause.items():
        there = [w for w in words if w.stem in denied_after or w.stem in plain_after]
        turned = [w for w in there if w.stem not in (denied_after if denied else plain_after)]
        if len(turned) > 0.6 * len(there) and (len(turned) >= 2 or len(words) <= 3):
            what = " ".join(word.word for word in turned)
            return f"'{what}' is denied in the {'original' if denied else 'rewrite'} only"
    return ""


def opposites(original: set[str], styled: set[str], turned: bool = False) -> str:
    """Say which word was replaced by its opposite, or return an empty string.

    Args:
        original: words of the original, in small letters.
        styled: words of the rewrite that speak of the same.
        turned: comparisons are the other way round: "A is more than B" has become "B is less than A".
    """
    for one, other in _OPPOSITES:
        for left, right in ((one, other), (other, one)):
            if turned and left & _MEASURED:
                continue
            gone, new = (left & original) - styled, (right & styled) - original
            if gone and new and not left & styled and not right & original:
                return f"'{sorted(gone)[0]}' became '{sorted(new)[0]}'"
    return ""
