"""Print tables about the data: the funnel, the rewrites and their intensity, a plan, a review."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from warmtune.analysis.power import CORRELATION, DISCORDANT, needed, smallest_gap
from warmtune.config.settings import RewriterSettings
from warmtune.presentation.terminal import console, table
from warmtune.reporting.data import funnel

if TYPE_CHECKING:
    from warmtune.evaluation import EvaluationSize
    from warmtune.pipeline.context import RunContext
    from warmtune.rewriting import Estimate
    from warmtune.rewriting.review import Review
    from warmtune.training.training_plan import TrainingPlan


def funnel_table(counts: Mapping[str, Any]) -> Table:
    """Tabulate the conversations read, left out by reason, and kept, by query type; every column adds up."""
    types, rows = funnel(counts)
    cells = ((row.what, str(row.total), *map(str, row.by_type)) for row in rows)
    tabulated = table(("conversations", "all", *types), cells)
    tabulated.columns[0].max_width = 52
    return tabulated


def intensity_table(rows: Sequence[Mapping[str, float]], intensity: float) -> Table:
    """Tabulate the style's strength at each intensity; a `<` marks this run's intensity."""
    columns = ("intensity asked", "style words", "of the way", "probe", "of the way", "replies")
    cells = (
        (
            f"{row['intensity']:g}{' <' if row['intensity'] == intensity else '  '}",
            f"{row['strength']:.2f}",
            f"{row['strength_share']:.2f}",
            f"{row['probe']:.3f}",
            f"{row['probe_share']:.2f}",
            f"{row['replies']:.0f}",
        )
        for row in rows
    )
    return table(columns, cells, left=())


def summarize_plan(plan: "Estimate", rewriter: RewriterSettings) -> None:
    """Print the estimate of rewriting on standard output."""
    rows = [("conversations", f"{plan.conversations:,}"), ("replies to rewrite", f"{plan.replies:,}")]
    out = console()
    if rewriter.kind == "phrasebook":
        out.print(table(("", ""), rows))
        out.print("The phrasebook rewrites: no requests, no cost.")
        return
    rows += [
        ("of them in the journal already", f"{plan.finished:,}"),
        ("requests still to send, about", f"{plan.requests:,}"),
        ("input tokens, about", f"{plan.input_tokens:,}"),
        ("output tokens, about", f"{plan.output_tokens:,}"),
    ]
    if plan.usd is not None and plan.usd_at_most is not None:
        rows += [("cost, about", f"${plan.usd:,.2f}"), ("cost, at most", f"${plan.usd_at_most:,.2f}")]
    out.print(table(("", ""), rows))
    for name in plan.unpriced:
        out.print(f"The price of {name} is not known; give it in a file named by rewriter.prices.")
    out.print(
        f"Tokens are counted with the base's tokenizer. At most: every reply takes all {rewriter.attempts} attempts,"
        f" each as long as is allowed. rewriter.budget_usd={rewriter.budget_usd or 'null (no limit)'}."
    )


def summarize_training(plan: "TrainingPlan") -> None:
    """Print the estimate of one arm's training and an example row on standard output."""
    from warmtune.training.memory_estimate import GB, describe

    left = f" ({plan.too_long} too long, {plan.split} split)" if plan.too_long or plan.split else ""
    rows = [
        (f"rows{left}", f"{plan.rows:,}"),
        ("tokens, all epochs", f"{plan.tokens:,}"),
        ("of them trained", f"{plan.trained_tokens:,}"),
        ("fewest trained in a row", f"{plan.fewest_trained:,}"),
        ("optimizer steps", f"{plan.steps:,}"),
        ("processes", f"{plan.processes} ({plan.device})"),
        ("longest batch, tokens", f"{plan.longest:,}"),
        *((f"memory of a process, GB: {name}", f"{size:.2f}") for name, size in describe(plan.memory).items()),
        ("memory free here, GB", f"{plan.free / GB:.2f}"),
        ("time of an arm on this machine, about", f"{plan.seconds / 60:,.0f} min"),
    ]
    out = console()
    out.print("\nTraining, each of the two arms (counted on the original replies)")
    out.print(table(("", ""), rows))
    template_rules = [
        "takes a system message" if plan.rules.system else "takes no system message: it goes to the first user turn"
    ]
    template_rules += (
        ["wants user and assistant to take turns: messages in a row are joined"] if plan.rules.alternating else []
    )
    template_rules += [] if plan.rules.stable else ["shows earlier turns otherwise: every reply is a row of its own"]
    out.print(f"The chat template {'; '.join(template_rules)}.")
    out.print("The first row, what carries loss in «»:\n")
    out.print(plan.example)


def summarize_asked(size: "EvaluationSize", samples: int) -> None:
    """Print the size of the evaluation, and the smallest gap that it can find, on standard output."""
    columns = ("benchmark", "questions", "prompts", "answers per variant")
    rows = (
        (name, f"{questions:,}", f"{prompts:,}", f"{prompts * samples:,}")
        for name, (questions, prompts) in size.by_benchmark.items()
    )
    out = console()
    out.print()
    out.print(table(columns, rows))
    for note in size.notes:
        out.print(note)
    if not size.questions:
        return
    conditions = max(1, round(size.prompts / size.questions))
    over_all, one_condition = (smallest_gap(size.questions, count) for count in (conditions, 1))
    needs = ", ".join(f"{gap:g} pp: {needed(gap, conditions):,}" for gap in (2, 5, 10))
    out.print(
        f"The smallest gap that {size.questions:,} questions can find (two-sided 5 %, power 80 %): {over_all:.1f} pp"
        f" over their {conditions} conditions, {one_condition:.1f} pp in one condition. Questions needed over all"
        f" conditions, for a gap of {needs}. Assumed: in {DISCORDANT:.0%} of pairs one answer is right and the other"
        " wrong, as in the middle of the study's comparisons, and a question's conditions correlate by"
        f" {CORRELATION:g}."
    )


def summarize_review(review: "Review") -> None:
    """Print a summary of a person's marks on standard output."""
    console().print(
        f"Review: {review.marked} of {review.pairs} pairs marked; faithful {review.faithful}, not faithful"
        f" {review.unfaithful}. It is kept for the report."
    )


def print_data(out: Console, run: "RunContext") -> None:
    """Print the funnel and the summary of the rewrites, unless the run went on to training."""
    done = run.done
    if "rows" in done:
        return
    counts = done["prepare"].counts
    out.print()
    out.print(funnel_table(counts))
    for change, count in counts["changed"].items():
        out.print(f"{count} changed: {change}")
    for note in counts["notes"]:
        out.print(note)
    if "rewrite" not in done:
        return
    rewritten = done["rewrite"].counts
    fates = ", ".join(f"{count} {fate}" for fate, count in rewritten["fates"].items())
    out.print(f"\n{rewritten['replies']} replies: {fates}.")
    refused = ", ".join(f"{check} {count}" for check, count in rewritten["refused_by_check"].items())
    out.print(f"{rewritten['attempts']} rewrites made; refused by check: {refused or 'none'}.")
    if rewritten["intensity_check"]:
        out.print()
        out.print(intensity_table(rewritten["intensity_check"], run.settings.style.intensity))
    sociot = rewritten["sociot"]
    if sociot:
        out.print(
            f"SocioT Warmth, nats per token: {sociot['before']:+.4f} -> {sociot['after']:+.4f}, lift"
            f" {sociot['lift']:+.4f} [{sociot['low']:+.4f}, {sociot['high']:+.4f}], {sociot['pairs']} pairs."
        )
    usd = rewritten["requests"]["usd"]
    if rewritten["requests"]["sent"] or rewritten["requests"]["from_the_journal"]:
        out.print(
            f"Requests: {rewritten['requests']['sent']} sent, {rewritten['requests']['from_the_journal']} from the"
            f" journal; {'cost not known' if usd is None else f'${usd:.2f} in all'}."
        )
