"""The command line: a verb a stage, recipes by name, Hydra overrides after them."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune import __version__, interrupt
from warmtune.errors import ConfigError, UserError

if TYPE_CHECKING:
    from warmtune.pipeline import Pipeline

_STAGES = {
    "run": "every stage of a recipe; what was done before is kept",
    "prepare": "read, filter and sample conversations; hold prompts out",
    "rewrite": "... and rewrite their replies in the style",
    "train": "... and train the adapter and its control",
    "evaluate": "... and answer the questions with base, control and adapter",
    "report": "... and write the report",
    "publish": "... and write the adapter with its cost on the card (the same as run)",
}


_PLAN = "what rewriting, training and evaluation will take, before anything is spent"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return the exit code: 0, 2 for a user's mistake, 130 after Ctrl-C."""
    _quiet_libraries()
    interrupt.listen()
    parsed = _parser().parse_args(arguments)
    try:
        done: int = parsed.act(parsed)
        return done
    except UserError as error:
        return _stop(str(error))
    except KeyboardInterrupt:
        again = " ".join(["warmtune", *(arguments if arguments is not None else sys.argv[1:])])
        print(
            f"\nStopped. What is finished is kept; the same command goes on from here:\n  {again}",
            file=sys.stderr,
        )
        return 130
    except OSError as error:
        from warmtune.store import disk_is_full

        if not disk_is_full(error):
            raise
        return _stop(
            f"The disk is full ({error.filename or 'while writing'}); finished stages are kept. Free some space, or"
            " choose another place with store=FOLDER, and run the same command again."
        )
    finally:
        sys.stdout.flush()


def entry() -> None:
    """Carry out one command and end the process with its exit code."""
    code = main()
    if code == 130:
        # Where Ctrl-C struck inside a C extension's import, CPython would end by the signal instead of with the code.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _stop(message: str) -> int:
    print(f"warmtune: {message}", file=sys.stderr)
    return 2


def _quiet_libraries() -> None:
    """Keep the libraries' own progress bars and notices off the screen; warmtune shows its own."""
    for name, value in {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "DATASETS_VERBOSITY": "error",
        "PYTHONWARNINGS": "ignore::FutureWarning",
    }.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore", FutureWarning)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="warmtune",
        description="Make a chat model warm (or any style) by LoRA fine-tuning, and measure what it cost in accuracy.",
        epilog="Try: warmtune run quickstart. Settings are changed with name=value: warmtune run quickstart seed=2",
    )
    parser.add_argument("--version", action="version", version=f"warmtune {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in _STAGES.items():
        verb = verbs.add_parser(name, help=text, description=text.removeprefix("... and ").capitalize() + ".")
        verb.add_argument("recipe", help="a name from `warmtune recipes`, or a path to a YAML file")
        verb.add_argument("overrides", nargs="*", metavar="name=value", help="settings, as Hydra overrides")
        verb.set_defaults(
            act=_run, until="publish" if name == "run" else name, review=False, reviewed=None, label=None, labelled=None
        )
        if name == "evaluate":
            verb.add_argument(
                "--label", type=int, metavar="N", help="write N answers into a table to be marked by hand"
            )
            verb.add_argument("--labelled", metavar="FILE", help="read the marks in that table into the report")
        if name == "rewrite":
            verb.add_argument("--review", action="store_true", help="write a page on which to mark a draw of rewrites")
            verb.add_argument("--reviewed", metavar="FILE", help="read the marks saved on that page into the report")
    verb = verbs.add_parser("plan", help=_PLAN, description=_PLAN.capitalize() + ".")
    verb.add_argument("recipe", help="a name from `warmtune recipes`, or a path to a YAML file")
    verb.add_argument("overrides", nargs="*", metavar="name=value", help="settings, as Hydra overrides")
    verb.set_defaults(act=_plan)
    _simple(verbs, "recipes", "the recipes there are", _recipes)
    _simple(verbs, "doctor", "whether this machine can run it", _doctor)
    return parser


def _simple(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, act: Callable[..., int]
) -> None:
    verbs.add_parser(name, help=text, description=text.capitalize() + ".").set_defaults(act=act)


def _run(parsed: argparse.Namespace) -> int:
    pipeline = _pipeline(parsed)

    from warmtune.summary import summarize

    pipeline.run(parsed.until)
    summarize(pipeline)
    if parsed.reviewed or parsed.review or parsed.labelled or parsed.label:
        _by_hand(pipeline, parsed)
    return 0


def _by_hand(pipeline: "Pipeline", parsed: argparse.Namespace) -> None:
    """Write what a person is to read or mark, or take in what was marked."""
    from warmtune import by_hand
    from warmtune.summary import summarize_labels
    from warmtune.summary_data import summarize_review

    if parsed.reviewed:
        summarize_review(by_hand.keep_review(pipeline, Path(parsed.reviewed)))
    elif parsed.review:
        print(f"Review:  {by_hand.review_page(pipeline)}")
    if parsed.labelled:
        summarize_labels(by_hand.keep_labels(pipeline, Path(parsed.labelled)))
    elif parsed.label:
        file, count = by_hand.label_table(pipeline, parsed.label)
        print(f"{count} answers to mark, in the last column of: {file}")


def _plan(parsed: argparse.Namespace) -> int:
    pipeline = _pipeline(parsed)

    from warmtune.planning import plan_evaluation, plan_rewriting, plan_training
    from warmtune.summary_data import summarize_asked, summarize_plan, summarize_training

    summarize_plan(plan_rewriting(pipeline), pipeline.settings.rewriter)
    if pipeline.settings.train.service is None:
        summarize_training(plan_training(pipeline))
    summarize_asked(plan_evaluation(pipeline), pipeline.settings.eval.samples)
    return 0


def _pipeline(parsed: argparse.Namespace) -> "Pipeline":
    from warmtune.recipes import load

    wrong = [text for text in parsed.overrides if "=" not in text]
    if wrong:
        raise ConfigError([f"'{text}' is not an override; write name=value." for text in wrong])
    settings = load(parsed.recipe, parsed.overrides)

    from warmtune.pipeline import Pipeline

    return Pipeline(settings)


def _recipes(_: argparse.Namespace) -> int:
    from warmtune.recipes import recipe_names

    names = recipe_names()
    width = max(map(len, names))
    for name, text in names.items():
        print(f"{name:<{width}}  {text}")
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from warmtune.doctor import examine

    return examine()
