import asyncio

import pytest

from warmtune.errors import BudgetError, DataError
from warmtune.models.budget import CostBudget, Price, price_of


def test_a_name_with_a_date_has_the_price_of_the_name_and_any_other_continuation_has_none():
    assert price_of("openai/gpt-4o-2024-08-06", None, None) == Price(2.5, 10.0, 0.5)
    assert price_of("openai/gpt-4o-mini-2024-07-18", None, None) == Price(0.15, 0.6, 0.5)
    assert price_of("anthropic/claude-sonnet-4-5-20250929", None, None) == Price(3.0, 15.0, 0.5)
    assert price_of("openai/gpt-4o1", None, None) is None
    assert price_of("openai/gpt-5-pro", None, None) is None


def test_ones_own_machines_cost_nothing():
    assert price_of("vllm/org/model", None, None) == Price(0, 0)
    assert price_of("openai-api/mine/m", "http://127.0.0.1:8000/v1", None) == Price(0, 0)
    assert price_of("openai-api/mine/m", "https://example.org/v1", None) is None


def test_ones_own_table_wins(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("prices:\n  openai-api/mine/m: {input: 1, output: 2}\n  openai/gpt-4o: {input: 9, output: 9}\n")
    assert price_of("openai-api/mine/m", "https://example.org/v1", str(file)) == Price(1, 2)
    assert price_of("openai/gpt-4o", None, str(file)).input == 9
    assert price_of("openai/gpt-4o-mini", None, str(file)).input == 0.15


@pytest.mark.parametrize(
    "text", ["[", "prices: []", "price: {}", "prices: {a: {input: 1}}", "prices: {a: {input: x, output: 1}}"]
)
def test_a_table_that_cannot_be_used(tmp_path, text):
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match=r"p\.yaml"):
        price_of("openai/gpt-4o", None, str(file))


def test_tokens_and_the_batch_api_make_the_cost():
    assert Price(2.5, 10, 0.5).of(1_000_000, 100_000) == 3.5
    assert Price(2.5, 10, 0.5).of(1_000_000, 100_000, batch=True) == 1.75


def test_a_purse_never_lets_more_be_asked_than_the_budget_could_bear():
    async def spend(budget, requests):
        purse, sent = CostBudget(budget), 0

        async def one():
            nonlocal sent
            await purse.reserve(0.4)
            sent += 1
            assert purse.spent + purse._reserved <= budget + 1e-9
            await asyncio.sleep(0.001)
            await purse.settle(0.4, 0.1)

        found = await asyncio.gather(*(one() for _ in range(requests)), return_exceptions=True)
        return purse, sent, [error for error in found if isinstance(error, BudgetError)]

    purse, sent, refused = asyncio.run(spend(1.0, 30))
    assert purse.spent <= 1.0
    assert sent + len(refused) == 30
    assert sent == 7  # 0.1 each, until less than 0.4 is left
