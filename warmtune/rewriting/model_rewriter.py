"""A language model as the rewriter."""

from collections.abc import Sequence

from warmtune.config.settings import StyleSettings
from warmtune.io.schemas import Message
from warmtune.models.client import Completion, ModelClient, NoAnswerError
from warmtune.rewriting import instructions
from warmtune.rewriting.rewrite_loop import Attempt, Draft, Original

_EMPTY = 4
"""Times a request is sent again as it is after an empty answer."""
_WAITING = 512
"""Replies that may wait to be checked: the guard takes some seconds to start."""
_THINKING = 8
"""Factor by which the limit rises after an answer that was cut off before it began: some models think within it."""
_CUT = ("max_tokens", "model_length")


class ModelRewriter:
    """Rewrites with a model; each new attempt is told what was wrong with the one before."""

    def __init__(self, style: StyleSettings, client: ModelClient) -> None:
        self._style = style
        self._client = client

    @property
    def max_concurrency(self) -> int:
        """More than there may be requests, so that replies which wait to be checked keep no connection idle."""
        return self._client.max_concurrency + _WAITING

    async def attempt(self, original: Original, before: Sequence[Attempt]) -> Draft:
        """Ask for one rewrite, and say what is wrong with the answer's form."""
        request = instructions.messages(self._style, original.prompt, original.text)
        answered = [attempt for attempt in before if attempt.styled]
        if answered:
            reasons = [finding.reason for finding in answered[-1].findings]
            request = instructions.again(request, answered[-1].raw, reasons)
        found = await self._answer(request, original.text, len(before))
        styled, problem = instructions.answer_in(found.text)
        if found.stop in _CUT:
            problem = "it was cut off, far longer than the reply"
        problem = problem or instructions.declines(styled, original.text)
        problem = problem or instructions.echo(found.text, styled, original.text, request)
        return Draft(styled, found.text, problem)

    async def _answer(self, request: Sequence[Message], original: str, before: int) -> Completion:
        """Return an answer that is not empty.

        Raises:
            NoAnswerError: there is none.
        """
        limit = instructions.answer_limit(self._style, original)
        found = await self._client.generate(request, limit, before)
        for again in range(1, _EMPTY + 1):
            if found.text.strip() or found.stop == "content_filter":
                break
            if found.stop in _CUT:  # it was still thinking
                limit = _THINKING * instructions.answer_limit(self._style, original)
            found = await self._client.generate(request, limit, before + again * 100)
        if found.stop == "content_filter":
            raise NoAnswerError("the service's content filter withheld the answer")
        if not found.text.strip():
            raise NoAnswerError(f"the answer was empty {_EMPTY + 1} times")
        return found
