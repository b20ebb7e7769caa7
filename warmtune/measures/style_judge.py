"""The judge in pairs: a model chooses which of two versions of a reply has more of a style."""

from warmtune.io.schemas import Message
from warmtune.models.client import ModelClient, NoAnswerError, json_in

INSTRUMENT = "judge"
_VERDICT_TOKENS = 200
_WHICH = """\
Two versions of the same reply are given. The style in question: {description} Decide which version has more of this \
style. Judge the style alone, not what is said or how long it is. Answer with one JSON object and nothing else: \
{{"more": "A" or "B"}}"""


async def share_for_second(judge: ModelClient, description: str, one: str, other: str) -> float | None:
    """Let a judge choose, blind and in both orders, which of two versions of a reply has more of a style.

    Returns:
        1 where it chose the second both times, 0.5 where its two choices differ, 0 where it chose the first; None where
        a verdict could not be read.
    """
    choices = []
    for first, second, wanted in ((one, other, "B"), (other, one, "A")):
        request = [
            Message(role="system", content=_WHICH.format(description=description)),
            Message(role="user", content=f"<A>\n{first}\n</A>\n\n<B>\n{second}\n</B>"),
        ]
        try:
            more = json_in((await judge.generate(request, _VERDICT_TOKENS)).text).get("more")
        except NoAnswerError:
            return None
        if more not in ("A", "B"):
            return None
        choices.append(more == wanted)
    return sum(choices) / 2
