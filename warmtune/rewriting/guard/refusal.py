"""Refusals: one stays one, and none is made of help."""

import re
from collections.abc import Iterable

_HELP = (
    r"(?:help|assist|provide|give|write|create|make|share|offer|tell|show|explain|access|open|view|see|browse|check|look|book|buy"
    r"|order|send|call|generate|produce|do (?:that|this|it)|recommend|advise|diagnose|predict|guess|know|support|discuss|comply"
    r"|fulfil?l?|answer|continue|play|draw|watch|hear|read|download|translate|walk|guide|teach|impersonate|pretend|engage|endorse"
    r"|take part|participate|remember|recall|feel|experience|have|be|say|list|describe|find|identify|confirm|verify|contact|place|set|run"
    r"|execute|complete|encourage|condone|promote|facilitate|suggest|point)"
)
_SAYS = re.compile(
    r"\bi(?:'m| am)?(?: \w+){0,3}? (?:can't|cannot|can not|won't|will not|couldn't|could not|wouldn't|don't feel (?:right|comfortable)"
    r"|am not able|'m not able|not able|unable|not allowed|not going to|not comfortable|not in a position|not permitted|not qualified"
    r"|not designed|not equipped|won't be able|have to (?:decline|say no|pass|refuse)|must (?:decline|refuse)|need to (?:decline|say no|pass)"
    r"|decline|refuse|don't have (?:access|the ability|any way|a way|feelings|personal|real-time)|do not have (?:access|the ability|feelings|personal|real-time)"
    r"|lack the ability|have no (?:access|way|ability)|would rather not|'d rather not|prefer not)"
    r"|\bi (?:can't|cannot|won't|will not|do not|don't) " + _HELP +
    r"|\b(?:something|a thing|anything) (?:that )?i(?:'m| am)? (?:can't|cannot|won't|not able|unable)"
    r"|\b(?:is|are|isn't|it's) (?:not )?(?:something|one thing) (?:that )?i (?:can't|cannot|won't|can|could)"
    r"|\b(?:no|isn't any|not any) (?:way|possible) (?:for me )?to (?:help|do that)|\b(?:beyond|outside) (?:what i|my (?:abilit|capabilit|scope|reach))"
    r"|\bi(?:'m| am) going to (?:have to )?(?:decline|say no|pass)|\bas an ai[^.]*\b(?:can't|cannot|don't|do not|unable|not able|no access)"
    r"|\bagainst my (?:guidelines|principles|policy)|\bnot (?:possible|appropriate) for me|\bit(?:'s| is) not possible for me|\bcan't be the one"
    r"|\b(?:this|that|your) request (?:cannot|can't|is declined|must be declined|will not)|\b(?:cannot|can't) be (?:provided|fulfilled|accommodated|given)"
    r"|\bno (?:assistance|help|instructions|information) (?:can|will) be|\b(?:unable|not able) to (?:help|assist|provide|comply|do)|\bassistance .{0,40}(?:cannot|is declined)"
    r"|^(?:cannot|can't|unable|won't|declined)\b|\bregrettably\b.{0,40}\b(?:cannot|unable|not possible)",
    re.IGNORECASE,
)
_MAYBE = re.compile(
    r"\b(?:can't|cannot|can not|won't|will not|unable|not able|couldn't|not possible|isn't possible|impossible|decline|must not|may not"
    r"|not going to|(?:isn't|is not|not|isn’t) (?:\w+ ){0,2}(?:something|anything|a thing|mine)|no way|not comfortable|refuse|not permitted"
    r"|not allowed|do(?:es)? not (?:have|share|provide|offer|give|write|help)|don't (?:have|share|provide|offer|give|write|help|do|get|feel|know)"
    r"|isn't available|not available|beyond|outside|without access|no access|would rather not|'d rather not|say no|not the right)\b",
    re.IGNORECASE,
)
_FEELING = re.compile(r"\b(?:i )?(?:can't|cannot|couldn't) (?:wait|imagine|tell you|thank|stress|help but|believe|agree|be (?:prouder|happier))", re.IGNORECASE)


def refuses(sentences: Iterable[str]) -> list[str]:
    """Return the sentences in which the speaker refuses or says that they are not able.

    >>> refuses(["I'm sorry, I can't help with that.", "I can't wait to see it!"])
    ["I'm sorry, I can't help with that."]
    """
    return [s for s in sentences if _SAYS.search(_FEELING.sub(" ", s.replace("’", "'")))]


def may_refuse(sentences: Iterable[str]) -> bool:
    """Tell whether some sentence could be a refusal in other words than `refuses` knows."""
    return any(_MAYBE.search(_FEELING.sub(" ", s.replace("’", "'"))) for s in sentences)
