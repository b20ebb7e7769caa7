"""warmtune from Python, also inside a notebook: recipes, runs, and the measures that a run uses.

If the caller made a mistake, a function raises `warmtune.errors.UserError` with the sentence that the command line
prints. No function ends the process.
"""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from warmtune.config.settings import Settings
from warmtune.errors import ConfigError, DataError, ModelError
from warmtune.runs.run import Run
from warmtune.runs.run import open_run as _open_run

if TYPE_CHECKING:
    import pandas as pd

    from warmtune.io.schemas import Gap, QuestionKind
    from warmtune.rewriting.guard import Finding

__all__ = ["RuleMark", "Run", "Settings", "check_rewrite", "compare", "gap", "load", "mark", "open_run", "run"]


@dataclass(frozen=True)
class RuleMark:
    """The rules' mark of one answer."""

    verdict: Literal["correct", "incorrect", "refusal", "undecided"]
    sure: bool
    """False if a run with a judge would ask it."""
    reason: str
    """Which rule decided, in words."""


def load(recipe: str | Path, *overrides: str, **settings: Any) -> Settings:
    """Compose a recipe and check it.

    Args:
        recipe: a name from `warmtune recipes`, or a path to a YAML file.
        overrides: overrides as on the command line, such as `"style.intensity=0.5"`.
        settings: settings at the top level of a recipe, such as `seed=2` or `store="runs"`.

    Raises:
        ConfigError: the recipe or a setting is wrong; the error holds a sentence for every problem.
        UserError: the recipe's file does not exist.
    """
    from warmtune.config.compose import load as compose

    wrong = [text for text in overrides if "=" not in text]
    if wrong:
        raise ConfigError([f"'{text}' is not an override; write name=value." for text in wrong])
    return compose(str(recipe), [*overrides, *(f"{name}={_written(value)}" for name, value in settings.items())])


def run(settings: Settings, until: str = "publish", remake: Collection[str] = ()) -> Run:
    """Carry out the stages of a recipe that the store lacks, and return the run.

    Args:
        settings: from `load`.
        until: the last stage: `prepare`, `rewrite`, `train`, `evaluate`, `report` or `publish`. `publish` only makes a
            folder ready; nothing leaves the machine.
        remake: stages to make anew although they are complete, such as `["train"]`.

    Raises:
        UserError: a stage cannot do its work.
    """
    from warmtune.pipeline.context import RunContext
    from warmtune.pipeline.stages import run_stages
    from warmtune.runs.run import write_run
    from warmtune.system.quiet import quiet_libraries

    quiet_libraries()
    _check_notebook()
    context = RunContext(settings, remake=frozenset(remake))
    run_stages(context, until)
    return _open_run(write_run(context.settings, context.done))


def open_run(folder: str | Path) -> Run:
    """Open the folder of a run.

    Raises:
        StoreError: the folder is no run's, or a stage in it is damaged.
    """
    return _open_run(Path(folder))


def check_rewrite(
    original: str, styled: str, prompt: str | None = None, length: tuple[float, float] = (0.6, 2.2)
) -> "list[Finding]":
    """Return the reasons why a rewrite may not say the same as its original; an empty list if there is none.

    Args:
        original: the original reply.
        styled: its rewrite.
        prompt: the user's message, if there is one. The rewrite may use its names and numbers.
        length: fewest and most words of a rewrite, as multiples of the original's.
    """
    from warmtune.rewriting.guard import findings

    return findings([(original, styled)], length, None if prompt is None else [prompt])[0]


def mark(
    question: str,
    reply: str,
    accepted: str | Sequence[str],
    kind: "QuestionKind" = "short",
    wrong: str | Sequence[str] | None = None,
) -> RuleMark:
    """Mark one reply by the rules, as a run does.

    Args:
        question: what was asked.
        reply: the reply.
        accepted: the reference answer, or several wordings of it with the reference first. The kind yes_no has `yes` or
            `no`, choice a letter, number a number.
        kind: the kind of question; see `warmtune.io.schemas.Question`.
        wrong: the plausible wrong answer, or several wordings of it.

    Raises:
        DataError: there is no such kind, there is no reference answer, or it does not fit the kind.
    """
    from warmtune.evaluation.marking.rules import mark as by_rule
    from warmtune.io.schemas import Question

    accepted_forms, wrong_forms = _forms(accepted), _forms(wrong or ())
    _check_reference(accepted_forms, kind)
    aliases = accepted_forms[1:] if kind == "yes_no" else accepted_forms
    wrong_answer = wrong_forms[0] if wrong_forms else ""
    rule_mark = by_rule(Question("", "", kind, question, accepted_forms[0], aliases, wrong_answer, wrong_forms), reply)
    return RuleMark(rule_mark.verdict, rule_mark.sure, rule_mark.rule)


def gap(answers: "pd.DataFrame", variant: str, reference: str, draws: int = 2000, seed: int = 1) -> "Gap":
    """Return how much more often one variant is wrong than another, on all prompts of a table.

    Args:
        answers: one row per answer, with the columns `variant`, `question_id` and `mark` (`correct`, `incorrect`,
            `refusal` or `undecided`). If a question was asked in several ways, the columns `benchmark`, `context`,
            `belief` and `sample` name the prompt.
        variant: the variant that has the gap.
        reference: the variant that it is compared with.
        draws: bootstrap draws of questions, for the interval.
        seed: makes the interval repeatable.

    Returns:
        The gap in percentage points with its 95 % interval and tests, clustered by question.

    Raises:
        DataError: a column is missing, a mark is unknown, a variant is missing or answered a prompt twice, or the two
            variants were not asked the same prompts.
    """
    from warmtune.analysis.answer_table import of_any_table, pair
    from warmtune.analysis.gaps import drawn, gaps_of

    pairs = pair(of_any_table(answers, (variant, reference)), variant, reference, frozenset())
    return gaps_of(pairs, drawn(pairs, draws, seed))[0]


def compare(runs: Sequence[Run | str | Path], to: str | Path | None = None) -> Path:
    """Write the page that shows variants of several runs side by side, and return its path.

    Args:
        runs: runs; folders of runs, sweeps or adapters; or `hub:org/name`.
        to: folder for the page and its tables; the default is one in the first run's store.

    Raises:
        UserError: something cannot be compared. Then nothing is written.
    """
    from warmtune.comparison.targets import compare as write_page

    targets = [str(target.folder if isinstance(target, Run) else target) for target in runs]
    return write_page(targets, None if to is None else Path(to))


def _check_notebook() -> None:
    """Raise before any work where the evaluation could not begin: Inspect needs ipywidgets in a notebook."""
    from importlib.util import find_spec

    if "ipykernel" in sys.modules and find_spec("ipywidgets") is None:
        raise ModelError(
            "This is a notebook, and Inspect, which asks the models, needs the package ipywidgets there; install it"
            " with"
            " `pip install ipywidgets` and restart the kernel."
        )


def _written(value: Any) -> str:
    """Return a value in the form of Hydra's command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(_written(item) for item in value)}]"
    return str(value)


def _forms(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _check_reference(forms: tuple[str, ...], kind: str) -> None:
    kinds = ("short", "open", "yes_no", "choice", "number", "harm")
    if kind not in kinds:
        raise DataError(f"The kind {kind!r} is not known; a question is one of {', '.join(kinds)}.")
    if kind != "harm" and not (forms and forms[0].strip()):
        raise DataError("There is no reference answer: give at least one form of the right answer as accepted.")
    if kind == "yes_no" and forms[0] not in ("yes", "no"):
        raise DataError(f"accepted begins with {forms[0]!r}, but a question of the kind yes_no has yes or no.")
    if kind == "number":
        try:
            float(forms[0])
        except ValueError:
            raise DataError(f"accepted is {forms[0]!r}, but a question of the kind number has a number.") from None
