"""The rewriter that asks a language model."""

from collections.abc import Sequence

from warmtune.config.settings import StyleSettings
from warmtune.io.schemas import Message
from warmtune.models.client import Completion, ModelClient, NoAnswerError
from warmtune.rewriting import instructions
from warmtune.rewriting.rewrite_loop import Attempt, Draft, Original

_EMPTY = 4
"""How often an unchanged request is sent again after an empty answer."""
_WAITING = 512
"""Most replies that wait for their check: the guard takes some seconds to start."""
_THINKING = 8
"""The limit rises by this factor after an empty answer at the token limit: some models think before they answer."""
_CUT = ("max_tokens", "model_length")


class ModelRewriter:
    """Rewrites with a model. Each new request says what was wrong with the attempt before."""

    def __init__(self, style: StyleSettings, client: ModelClient) -> None:
        self._style = style
        self._client = client

    @property
    def max_concurrency(self) -> int:
        """More replies than the client may send requests, so that replies waiting for a check block no connection."""
        return self._client.max_concurrency + _WAITING

    async def attempt(self, original: Original, before: Sequence[Attempt]) -> Draft:
        """Request one rewrite; the draft says what is wrong with the answer's form."""
        request = instructions.messages(self._style, original.prompt, original.text)
        answered = [attempt for attempt in before if attempt.styled]
        if answered:
            reasons = [finding.reason for finding in answered[-1].findings]
            request = instructions.again(request, answered[-1].raw, reasons)
        completion = await self._answer(request, original.text, len(before))
        styled, problem = instructions.answer_in(completion.text)
        if completion.stop in _CUT:
            problem = "it was cut off, far longer than the reply"
        problem = problem or instructions.declines(styled, original.text)
        problem = problem or instructions.echo(completion.text, styled, original.text, request)
        return Draft(styled, completion.text, problem)

    async def _answer(self, request: Sequence[Message], original: str, before: int) -> Completion:
        """Return an answer that is not empty.

        Raises:
            NoAnswerError: every answer was empty, or the service withheld it.
        """
        limit = instructions.answer_limit(self._style, original)
        completion = await self._client.generate(request, limit, before)
        for retry in range(1, _EMPTY + 1):
            if completion.text.strip() or completion.stop == "content_filter":
                break
            if completion.stop in _CUT:  # the model was still thinking
                limit = _THINKING * instructions.answer_limit(self._style, original)
            completion = await self._client.generate(request, limit, before + retry * 100)
        if completion.stop == "content_filter":
            raise NoAnswerError("the service's content filter withheld the answer")
        if not completion.text.strip():
            raise NoAnswerError(f"the answer was empty {_EMPTY + 1} times")
        return completion
