"""The safety filter, by Detoxify where it is installed."""

from typing import Any

from warmtune.config.settings import DataSettings
from warmtune.errors import DataError
from warmtune.io.schemas import Conversation

_CHARACTERS = 2000
"""Characters per turn that Detoxify gets; it reads at most 512 tokens of them."""


class Detoxifier:
    """Scores conversations by the highest score of any class and any turn."""

    def __init__(self, data: DataSettings) -> None:
        self._limit = data.unsafe or 0.0
        self._model = _load(data.unsafe_checkpoint)

    def __call__(self, conversation: Conversation) -> bool:
        """Tell whether a conversation is unsafe."""
        scores = self._model.predict([message["content"][:_CHARACTERS] for message in conversation.messages])
        return any(score >= self._limit for values in scores.values() for score in values)


def _load(checkpoint: str | None) -> Any:
    from detoxify import Detoxify  # type: ignore[import-not-found,unused-ignore]

    try:
        return Detoxify("unbiased", checkpoint=checkpoint)
    except (OSError, ValueError) as error:  # no network, or a file that is no checkpoint
        raise DataError(
            f"Detoxify's model cannot be loaded ({' '.join(str(error).split())[:200]}); name a checkpoint on this"
            " machine with data.unsafe_checkpoint=FILE, or go without the safety filter with data.unsafe=null."
        ) from None
