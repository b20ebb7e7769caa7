from hypothesis import given
from hypothesis import strategies as st

from warmtune.io.schemas import TrainingRow
from warmtune.training.row_order import epoch_order, group_by_length, pad_to_multiple
from warmtune.training.rows import num_loss_tokens


def test_the_order_is_a_fresh_shuffle_an_epoch():
    order = epoch_order(10, 2.5, seed=3)
    assert len(order) == 25
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10))
    assert order[:10] != order[10:20]
    assert order == epoch_order(10, 2.5, seed=3) != epoch_order(10, 2.5, seed=4)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=200), st.integers(1, 9), st.integers(0, 5))
def test_grouping_loses_no_row_and_pads_no_more(lengths, batch, seed):
    order = epoch_order(len(lengths), 1.0, seed)
    found = group_by_length(order, lengths, batch, seed)
    assert sorted(found) == sorted(order)

    def padded(rows):
        batches = [rows[n : n + batch] for n in range(0, len(rows), batch)]
        return sum(max(lengths[n] for n in one) * len(one) for one in batches)

    assert padded(found) <= padded(sorted(order, key=lambda n: -lengths[n])) + padded(order)


@given(st.integers(1, 40), st.integers(1, 16))
def test_filling_adds_rows_without_loss_only(count, multiple):
    rows = [TrainingRow(str(n), [1, 2, 3], [-100, 2, 3], 3) for n in range(count)]
    found = pad_to_multiple(rows, multiple)
    assert found[:count] == rows
    assert len(found) % multiple == 0
    assert len(found) - count < multiple
    assert all(num_loss_tokens(row) == 0 for row in found[count:])
