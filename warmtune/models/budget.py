"""Prices of requests, and a budget that they cannot exceed."""

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
"""Providers that run models on the user's own machines."""
_DATE = re.compile(r"[-@](?:20\d\d-?\d\d-?\d\d|latest)$")


@dataclass(frozen=True, config=STRICT)
class Price:
    """Prices in dollars per million tokens."""

    input: NonNegativeFloat
    output: NonNegativeFloat
    batch: NonNegativeFloat = 1.0
    """Factor on both prices with the provider's batch API."""

    def of(self, input_tokens: float, output_tokens: float, batch: bool = False) -> float:
        """Return the cost of these numbers of tokens, in dollars."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6 * (self.batch if batch else 1.0)


def price_of(model: str, base_url: str | None, file: str | None) -> Price | None:
    """Return a model's price; None if it is not known.

    A name with a date at its end has the price of the name without it: `openai/gpt-4o-2024-08-06` costs the same as
    `openai/gpt-4o`. Any other ending names another model: `openai/gpt-5-pro` costs twelve times as much as
    `openai/gpt-5`.

    Args:
        model: Inspect's name of the model.
        base_url: the server's address; one on this machine costs nothing.
        file: the user's own table, which goes before the shipped one.

    Raises:
        DataError: that table cannot be read.
    """
    table = _table(SHIPPED) | (_table(Path(file)) if file else {})
    price = table.get(model) or table.get(_DATE.sub("", model))
    if price:
        return price
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
    """Counts the cost of requests, and lets none through that could exceed the budget."""

    def __init__(self, budget: float | None) -> None:
        self.budget = budget
        self.spent = 0.0
        self._reserved = 0.0
        self._settled = asyncio.Condition()

    async def reserve(self, most: float) -> None:
        """Reserve the most that a request may cost, in dollars; wait while other requests may make room.

        Raises:
            BudgetError: there is no room even if all requests under way cost nothing.
        """
        async with self._settled:
            while self.budget is not None and self.spent + self._reserved + most > self.budget:
                if self._reserved <= 1e-12:
                    raise BudgetError(self.spent, self.budget)
                await self._settled.wait()
            self._reserved += most

    async def settle(self, most: float, cost: float) -> None:
        """Replace the reservation of a request by its real cost, both in dollars."""
        async with self._settled:
            self._reserved = max(0.0, self._reserved - most)
            self.spent += cost
            self._settled.notify_all()
