"""The terms of the loss by name. A new one is a module beside this and a line here."""

import sys
from collections.abc import Mapping

from warmtune.errors import ModelError, nearest
from warmtune.runs.keys import data_of
from warmtune.training.loss.terms import LossTerm

TERMS: dict[str, LossTerm] = {}
"""The terms by name; each is a module of this package."""


def weighted_terms(weights: Mapping[str, float]) -> dict[str, tuple[float, LossTerm]]:
    """Return the weight and the term for each name whose weight is not zero.

    Raises:
        ModelError: a name is unknown.
    """
    for name in weights:
        if name not in TERMS:
            known = ", ".join(sorted(TERMS)) or "none yet"
            raise ModelError(
                f"train.loss_terms names {name!r}, which is no term of the loss.{nearest(name, TERMS)} There are"
                f" {known}; `warmtune/training/loss` says how to write one."
            )
    return {name: (weight, TERMS[name]) for name, weight in weights.items() if weight}


def constants_of(weights: Mapping[str, float]) -> dict[str, str]:
    """Return, for the key of a training, the hash of the constants in each term's module, by the term's name."""
    return {name: data_of(sys.modules[type(term).__module__]) for name, (_, term) in weighted_terms(weights).items()}
