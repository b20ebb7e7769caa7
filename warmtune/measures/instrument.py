"""What a warmth instrument is: a name, a unit, and the function that measures replies. Each has a module of its own.

`warmtune.measures.registry` lists them.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.io.schemas import Reply, Warmth
from warmtune.runs.keys import data_of

if TYPE_CHECKING:
    from warmtune.config.evaluation_settings import EvalSettings, JudgeSettings
    from warmtune.config.settings import StyleSettings
    from warmtune.models.engine import Engine


@dataclass(frozen=True)
class Setup:
    """What an instrument may use beside the replies."""

    eval: "EvalSettings"
    judge: "JudgeSettings"
    style: "StyleSettings"
    seed: int
    probe: Path | None
    """File of the run's style probe; None at intensity 0, where there is no style that a probe could learn."""
    journals: Path
    """Folder of what models answered, kept for every run."""
    open_engine: "Callable[[], Engine]"
    """Loads the run's base."""


@dataclass(frozen=True)
class Measured:
    """What an instrument found."""

    rows: list[Warmth]
    figures: dict[str, Any] = field(default_factory=dict)
    """What it says of itself, for the report."""


@dataclass(frozen=True)
class Instrument:
    """One instrument of the manipulation check."""

    name: str
    unit: str
    digits: int
    """Decimal places that people see."""
    measure: Callable[[Sequence[Reply], Setup], Measured]
    inputs: Callable[[Setup], Any] = lambda setup: ()
    """Returns what decides its values beside the replies and its module's constants; None where it does not measure."""
    study_effect: float | None = None
    """The study's effect in this unit, if the study used the instrument."""
    shows_warmth: bool = True
    """False where it shows whether there is a style, and not whether the style is warm."""

    def key(self, setup: Setup) -> Any:
        """Return what decides its values; None where it does not measure."""
        inputs = self.inputs(setup)
        return None if inputs is None else (data_of(sys.modules[self.measure.__module__]), inputs)


def one_per_reply(instrument: str, replies: Sequence[Reply], values: Sequence[float]) -> list[Warmth]:
    """Return the rows of an instrument that gives one value per reply."""
    return [
        Warmth(reply.variant, reply.id, instrument, float(value), "")
        for reply, value in zip(replies, values, strict=True)
    ]
