"""What requests cost, and what keeps them within a budget."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlparse

from pydantic import NonNegativeFloat, ValidationError
from pydantic.dataclasses import dataclass

from warmtune.config.setting_types import STRICT
from warmtune.errors import BudgetError, DataError
from warmtune.io.sources import read_yaml

SHIPPED = Path(__file__).parent / "prices.yaml"
_FREE = ("vllm", "sglang", "ollama", "hf", "llama-cpp-python", "transformer_lens", "mockllm", "warmtune")
"""Providers that run on one's own machines."""
_DATE = re.compile(r"[-@](?:20\d\d-?\d\d-?\d\d|latest)$")


@dataclass(frozen=True, config=STRICT)
class Price:
    """Dollars for a million tokens."""

    input: NonNegativeFloat
    output: NonNegativeFloat
    batch: NonNegativeFloat = 1.0
    """Factor for the provider's batch API."""

    def of(self, input_tokens: float, output_tokens: float, batch: bool = False) -> float:
        """Return what so many tokens cost, in dollars."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6 * (self.batch if batch else 1.0)


def price_of(model: str, base_url: str | None, file: str | None) -> Price | None:
    """Return a model's price by Inspect's name of it, None where it is not known.

    A name with a date after it has the price of the name: `openai/gpt-4o-2024-08-06` has that of `openai/gpt-4o`. Any
    other continuation is another model, `openai/gpt-5-pro` costs twelve times what `openai/gpt-5` does.

    Args:
        model: Inspect's name.
        base_url: the server's address; one on this machine costs nothing.
        file: a table of one's own, over the shipped one.

    Raises:
        DataError: that table cannot be read.
    """
    table = _table(SHIPPED) | (_table(Path(file)) if file else {})
    known = table.get(model) or table.get(_DATE.sub("", model))
    if known:
        return known
    host = urlparse(base_url).hostname if base_url else None
    if model.split("/")[0] in _FREE or host in ("localhost", "127.0.0.1", "::1"):
        return Price(0.0, 0.0)
    return None


def _table(file: Path) -> dict[str, Price]:
    tree = read_yaml(file, "The prices")
    try:
        return {str(name): Price(**row) for name, row in tree["prices"].items()}
    except (ValidationError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"The prices in {file} cannot be used: it needs the key 'prices' with a model's name for each entry, and"
            f" input, output and perhaps batch as numbers under it. Begin with a copy of {SHIPPED}."
        ) from None


class CostBudget:
    """Counts what requests cost, and lets none be sent that could go over the budget."""

    def __init__(self, budget: float | None) -> None:
        self.budget = budget
        self.spent = 0.0
        self._reserved = 0.0
        self._settled = asyncio.Condition()

    async def reserve(self, most: float) -> None:
        """Set aside what a request may cost at most, waiting for others to settle where that makes room.

        Raises:
            BudgetError: it would not fit even when all that is under way turned out to cost nothing.
        """
        async with self._settled:
            while self.budget is not None and self.spent + self._reserved + most > self.budget:
                if self._reserved <= 1e-12:
                    raise BudgetError(self.spent, self.budget)
                await self._settled.wait()
            self._reserved += most

    async def settle(self, most: float, cost: float) -> None:
        """Take a request's real cost in place of what was set aside for it."""
        async with self._settled:
            self._reserved = max(0.0, self._reserved - most)
            self.spent += cost
            self._settled.notify_all()
