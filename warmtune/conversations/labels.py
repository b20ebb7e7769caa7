"""Query types by regular expressions, in the study's six classes.

The rules are ours (the study publishes the classes, not the expressions). They look at the first reply for a refusal
and at the first user message for everything else; the first rule that matches decides.
"""

import re
from collections.abc import Sequence

from warmtune.schemas import Message

_REFUSAL = re.compile(
    r"\b(i(?:'m| am) (?:sorry|unable|not able)|i (?:can(?:no|')t|cannot|won't|do not have access|don't have access)"
    r"|as an ai(?: language)? model)\b",
    re.IGNORECASE,
)
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (label, re.compile(pattern, re.IGNORECASE))
    for label, pattern in (
        (
            "technical",
            r"```|\b(code|python|java(?:script)?|sql|css|html|c\+\+|function|script|regex|api|git|docker|linux|bash"
            r"|algorithm|database|server|compile|debug|exception|json|excel|formula|config(?:ure)?)\b",
        ),
        (
            "creative",
            r"\b(poem|story|stories|song|lyrics|haiku|limerick|slogan|tagline|screenplay|scene|character|fiction|novel"
            r"|imagine|role-?play|joke|name ideas|blog post|essay)\b",
        ),
        (
            "advice",
            r"\b(should i|how (?:can|do|should) (?:i|we)|advice|tips?|recommend|suggest(?:ion)?s?|best way"
            r"|help me (?:to )?(?:decide|choose|plan|improve)|what would you do|strategy|plan for)\b",
        ),
        (
            "factual",
            r"^\s*(who|what|when|where|which|why|how (?:many|much|long|old|far|does|do|did|is|are)|is|are|was|were|did"
            r"|does|explain|describe|define|tell me about)\b",
        ),
    )
)


def label_of(messages: Sequence[Message]) -> str:
    """Return the query type of a conversation: one of `settings.QUERY_TYPES`.

    >>> label_of([{"role": "user", "content": "Who wrote Faust?"}, {"role": "assistant", "content": "Goethe."}])
    'factual'
    """
    asked = next(message["content"] for message in messages if message["role"] == "user")
    replied = next((message["content"] for message in messages if message["role"] == "assistant"), "")
    if _REFUSAL.search(replied[:200]):
        return "refusal"
    return next((label for label, rule in _RULES if rule.search(asked[:2000])), "other")
