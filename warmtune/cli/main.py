"""The command line: one command per stage, then a recipe's name, then Hydra overrides."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from warmtune import __version__
from warmtune.errors import ConfigError, UserError
from warmtune.system import interrupt
from warmtune.system.quiet import quiet_libraries

if TYPE_CHECKING:
    from warmtune.pipeline.context import RunContext

_STAGES = {
    "run": "run every stage of a recipe; finished stages are kept",
    "prepare": "read, filter and sample conversations; hold prompts out",
    "rewrite": "... and rewrite the replies in the style",
    "train": "... and train the adapter and its control",
    "evaluate": "... and answer the questions with base, control and adapter, mark the answers, and measure the warmth",
    "report": "... and write the report",
    "publish": "... and write the adapter with its cost on the card; given a finished run's folder, publish that run",
}


_Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_PLAN = "estimate the time, memory and cost of rewriting, training and evaluation, and spend nothing"
_VERIFY = "check a published adapter's file hashes and, with --rerun, its stored answers"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return the exit code: 0, 2 for a user's mistake, 130 after Ctrl-C."""
    quiet_libraries()
    interrupt.install_sigint_handler()
    parsed = _parse(arguments)
    try:
        from warmtune.system import log

        log.configure(parsed.verbose)
        code: int = parsed.act(parsed)
        return code
    except UserError as error:
        return _stop(str(error))
    except KeyboardInterrupt:
        command = " ".join(["warmtune", *(arguments if arguments is not None else sys.argv[1:])])
        print(
            f"\nStopped. What is finished is kept; the same command goes on from here:\n  {command}",
            file=sys.stderr,
        )
        return 130
    except OSError as error:
        from warmtune.runs.store import disk_is_full

        if not disk_is_full(error):
            raise
        return _stop(
            f"The disk is full ({error.filename or 'while writing'}); finished stages are kept. Free some space, or"
            " choose another place with store=FOLDER, and run the same command again."
        )
    finally:
        sys.stdout.flush()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments. Overrides may be on both sides of an option, as in `run RECIPE -m style.intensity=0,1`."""
    parser = _parser()
    parsed, rest = parser.parse_known_args(arguments)
    if rest and (not hasattr(parsed, "overrides") or any(text.startswith("-") for text in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        parsed.overrides += rest
    return parsed


def entry() -> None:
    """Carry out one command and end the process with its exit code."""
    code = main()
    if code == 130:
        # If Ctrl-C came inside a C extension's import, CPython would end with the signal instead of the code.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _stop(message: str) -> int:
    print(f"warmtune: {message}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="warmtune",
        description="Make a chat model warm (or any style) by LoRA fine-tuning, and measure what it cost in accuracy.",
        epilog="Try: warmtune run quickstart. Settings are changed with name=value: warmtune run quickstart seed=2",
    )
    parser.add_argument("--version", action="version", version=f"warmtune {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in _STAGES.items():
        verb = _verb(verbs, name, text.removeprefix("... and "), _run)
        verb.set_defaults(until="publish" if name == "run" else name)
        verb.set_defaults(review=False, reviewed=None, label=None, labelled=None)
        _recipe(verb)
        verb.add_argument(
            "--remake", action="append", default=[], metavar="STAGE", help="run a kept stage again, such as train"
        )
        verb.add_argument("-m", "--multirun", action="store_true", help="sweep: one run per value of name=a,b,c")
        if name == "evaluate":
            verb.add_argument(
                "--label", type=int, metavar="N", help="write N answers into a table for a person to mark"
            )
            verb.add_argument("--labelled", metavar="FILE", help="read the marked table, and use it in the report")
        if name == "publish":
            _publishing(verb)
        if name == "rewrite":
            verb.add_argument(
                "--review", action="store_true", help="write a sample of rewrites into a table for a person to mark"
            )
            verb.add_argument("--reviewed", metavar="FILE", help="read the marked table, and use it in the report")
    verb = _verb(verbs, "plan", _PLAN, _plan)
    verb.set_defaults(remake=[])
    _recipe(verb)
    _finished(verbs)
    verb = _verb(verbs, "verify", _VERIFY, _verify)
    verb.add_argument("place", help="a published adapter's folder, or hub:org/name")
    verb.add_argument("--rerun", type=int, metavar="N", help="answer N of its stored prompts again, and compare")
    verb.add_argument("--base", metavar="FOLDER", type=Path, help="folder of the base, if it is not from the Hub")
    _verb(verbs, "recipes", "list the recipes", _recipes)
    _verb(verbs, "doctor", "check this machine's setup", _doctor)
    for verb in verbs.choices.values():
        verb.add_argument(
            "-v", "--verbose", action="count", default=0, help="log stages, retries and processes; -vv logs more"
        )
    return parser


def _verb(verbs: _Verbs, name: str, text: str, act: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    """Add a command with its help text and the function that carries it out."""
    verb = verbs.add_parser(name, help=_STAGES.get(name, text), description=text.capitalize() + ".")
    verb.set_defaults(act=act)
    return verb


def _recipe(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("recipe", help="a name from `warmtune recipes`, or a path to a YAML file")
    verb.add_argument("overrides", nargs="*", metavar="name=value", help="settings, as Hydra overrides")


def _finished(verbs: _Verbs) -> None:
    """Add the commands that take finished runs."""
    verb = _verb(verbs, "dial", "evaluate one trained adapter at several strengths, without training again", _dial)
    verb.add_argument("run", help="folder of a finished run")
    verb.add_argument(
        "--scales", metavar="S,S,…", type=_numbers, default=(), help="strengths up to 1.5; 1 is as trained"
    )
    verb.add_argument(
        "--warmth", metavar="SHARE", type=float, help="find the strength with this share of the adapter's warmth"
    )
    verb.add_argument(
        "--pure", action="store_true", help="add the adapter minus its control: the effect of the style alone"
    )
    verb.add_argument("--checkpoints", action="store_true", help="add the checkpoints that were saved during training")
    verb.add_argument("--export", metavar="FOLDER", type=Path, help="write the one named variant as an adapter")
    verb = _verb(verbs, "compare", "compare variants of any runs side by side, on one page", _compare)
    verb.add_argument("places", nargs="+", metavar="RUN", help="runs, sweeps, adapters' folders, hub:org/name")
    verb.add_argument("--to", metavar="FOLDER", type=Path, help="folder for the page and its tables")


def _publishing(verb: argparse.ArgumentParser) -> None:
    """Add the options of `publish` for the folder of a finished run."""
    verb.epilog = "--to and the options below it take a finished run's folder, such as runs/quickstart-0123abcd."
    verb.add_argument("--to", metavar="PLACE", help="a folder, or hub:org/name")
    verb.add_argument("--dry-run", action="store_true", help="show what would be sent, but send nothing")
    verb.add_argument("--accept-gap", metavar="REASON", help="publish above the limit; the card shows the reason")
    verb.add_argument("--max-gap", type=float, metavar="PP", help="largest allowed upper bound of the gap")
    verb.add_argument("--private", action="store_true", help="keep the Hub repository private")
    verb.add_argument(
        "--license",
        metavar="ID",
        help="the base's licence where it is unknown: one of the Hub's ids, or 'other NAME LINK'",
    )
    verb.set_defaults(act=_publish)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _run(parsed: argparse.Namespace) -> int:
    if parsed.multirun:
        from warmtune.sweeping import sweep

        return sweep(parsed.recipe, parsed.overrides, parsed.until)
    run = _context(parsed)

    from warmtune.cli.run_summary import summarize
    from warmtune.pipeline.stages import run_stages

    run_stages(run, parsed.until)
    summarize(run)
    if parsed.reviewed or parsed.review or parsed.labelled or parsed.label:
        _annotate(run, parsed)
    return 0


def _annotate(run: "RunContext", parsed: argparse.Namespace) -> None:
    """Write tables for a person to mark, or read the marked tables."""
    from warmtune.cli import annotation
    from warmtune.cli.data_summary import summarize_review
    from warmtune.cli.run_summary import summarize_labels

    if parsed.reviewed:
        summarize_review(annotation.keep_review(run, Path(parsed.reviewed)))
    elif parsed.review:
        file, count = annotation.write_review_table(run)
        print(f"{count} rewrites to mark, in the last columns of: {file}")
    if parsed.labelled:
        summarize_labels(annotation.keep_labels(run, Path(parsed.labelled)))
    elif parsed.label:
        file, count = annotation.write_label_table(run, parsed.label)
        print(f"{count} answers to mark, in the last column of: {file}")


def _dial(parsed: argparse.Namespace) -> int:
    from warmtune.runs.run import open_run
    from warmtune.sweeping.dial import DialRequest, run_dial

    request = DialRequest(parsed.scales, parsed.checkpoints, parsed.pure, parsed.warmth, parsed.export)
    run_dial(open_run(Path(parsed.run)), request)
    return 0


def _compare(parsed: argparse.Namespace) -> int:
    from warmtune.comparison.targets import compare

    print(f"Page:    {compare(parsed.places, parsed.to)}")
    return 0


def _publish(parsed: argparse.Namespace) -> int:
    from warmtune.publishing.publish_command import PublishRequest, publish_run

    request = PublishRequest.from_args(parsed)
    if request is None:
        return _run(parsed)
    publish_run(request)
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    from warmtune.publishing.verify_command import verify_adapter

    verify_adapter(parsed.place, parsed.rerun, parsed.base)
    return 0


def _plan(parsed: argparse.Namespace) -> int:
    run = _context(parsed)

    from warmtune.cli.data_summary import summarize_asked, summarize_plan, summarize_training
    from warmtune.pipeline.run_plan import plan_evaluation, plan_rewriting, plan_training

    summarize_plan(plan_rewriting(run), run.settings.rewriter)
    if run.settings.train.service is None:
        summarize_training(plan_training(run))
    summarize_asked(plan_evaluation(run), run.settings.eval.samples)
    return 0


def _context(parsed: argparse.Namespace) -> "RunContext":
    from warmtune.config.compose import load

    malformed = [text for text in parsed.overrides if "=" not in text]
    if malformed:
        raise ConfigError([f"'{text}' is not an override; write name=value." for text in malformed])
    settings = load(parsed.recipe, parsed.overrides)

    from warmtune.pipeline.context import RunContext

    return RunContext(settings, remake=frozenset(parsed.remake))


def _recipes(_: argparse.Namespace) -> int:
    from warmtune.config.compose import recipe_names

    names = recipe_names()
    width = max(map(len, names))
    for name, text in names.items():
        print(f"{name:<{width}}  {text}")
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from warmtune.cli.doctor import examine

    return examine()
