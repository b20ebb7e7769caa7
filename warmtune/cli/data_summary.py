"""What the command line prints about the data: the funnel, the rewrites and their intensity, a plan, a review."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from warmtune.analysis.power import CORRELATION, DISCORDANT, needed, smallest_gap
from warmtune.config.settings import RewriterSettings

if TYPE_CHECKING:
    from warmtune.evaluation import Sizes
    from warmtune.pipeline.context import RunContext
    from warmtune.rewriting import Estimate
    from warmtune.rewriting.review import Review
    from warmtune.training.training_plan import TrainingPlan

WIDTH = 120
"""Columns of the tables where the output is no terminal."""


def funnel_table(counts: Mapping[str, Any]) -> Table:
    """Tabulate what was read, what was left out and why, and what was kept, by query type; every column adds up."""
    by_type = {name: 0 for found in (*counts["dropped"].values(), counts["kept_by_type"]) for name in found}
    table = Table(box=None, pad_edge=False)
    table.add_column("conversations", no_wrap=False, max_width=52)
    for name in ("all", *by_type):
        table.add_column(name, justify="right", no_wrap=True)
    rows = {"read": None, **{f"- {reason}": found for reason, found in counts["dropped"].items()}}
    rows["kept"] = counts["kept_by_type"]
    for title, found in rows.items():
        if found is None:
            columns = [sum(d.get(name, 0) for d in (*counts["dropped"].values(), counts["kept_by_type"]))
                       for name in by_type]  # fmt: skip
            table.add_row(title, str(counts["read"]), *map(str, columns))
        else:
            table.add_row(title, str(sum(found.values())), *(str(found.get(name, 0) or "") for name in by_type))
    return table


def ladder_table(rows: Sequence[Mapping[str, float]], intensity: float) -> Table:
    """Tabulate how strong the style is at each intensity, and which intensity the rewrites of this run have."""
    table = Table(box=None, pad_edge=False)
    for column in ("intensity asked", "style words", "of the way", "probe", "of the way", "replies"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        mark = " <" if row["intensity"] == intensity else "  "
        table.add_row(
            f"{row['intensity']:g}{mark}",
            f"{row['strength']:.2f}",
            f"{row['strength_share']:.2f}",
            f"{row['probe']:.3f}",
            f"{row['probe_share']:.2f}",
            f"{row['replies']:.0f}",
        )
    return table


def summarize_plan(plan: "Estimate", rewriter: RewriterSettings) -> None:
    """Print what rewriting will take, on standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("conversations", f"{plan.conversations:,}")
    table.add_row("replies to rewrite", f"{plan.replies:,}")
    if rewriter.kind == "phrasebook":
        console.print(table)
        console.print("The phrasebook rewrites: no requests, no cost.")
        return
    table.add_row("of them in the journal already", f"{plan.finished:,}")
    table.add_row("requests still to send, about", f"{plan.requests:,}")
    table.add_row("input tokens, about", f"{plan.input_tokens:,}")
    table.add_row("output tokens, about", f"{plan.output_tokens:,}")
    if plan.usd is not None and plan.usd_at_most is not None:
        table.add_row("cost, about", f"${plan.usd:,.2f}")
        table.add_row("cost, at most", f"${plan.usd_at_most:,.2f}")
    console.print(table)
    for name in plan.unpriced:
        console.print(f"The price of {name} is not known; give it in a file named by rewriter.prices.", soft_wrap=True)
    console.print(
        f"Tokens are counted with the base's tokenizer. At most: every reply takes all {rewriter.attempts} attempts,"
        f" each as long as is allowed. rewriter.budget_usd={rewriter.budget_usd or 'null (no limit)'}.",
        soft_wrap=True,
        markup=False,
    )


def summarize_training(plan: "TrainingPlan") -> None:
    """Print what a training takes and how a row of it looks, on standard output."""
    from warmtune.training.memory_estimate import GB, describe

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    left = f" ({plan.too_long} too long, {plan.split} split)" if plan.too_long or plan.split else ""
    table.add_row(f"rows{left}", f"{plan.rows:,}")
    table.add_row("tokens, all epochs", f"{plan.tokens:,}")
    table.add_row("of them trained", f"{plan.trained_tokens:,}")
    table.add_row("fewest trained in a row", f"{plan.fewest_trained:,}")
    table.add_row("optimizer steps", f"{plan.steps:,}")
    table.add_row("processes", f"{plan.processes} ({plan.device})")
    table.add_row("longest batch, tokens", f"{plan.longest:,}")
    for name, size in describe(plan.memory).items():
        table.add_row(f"memory of a process, GB: {name}", f"{size:.2f}")
    table.add_row("memory free here, GB", f"{plan.free / GB:.2f}")
    table.add_row("time of an arm on this machine, about", f"{plan.seconds / 60:,.0f} min")
    console.print("\nTraining, each of the two arms (counted on the original replies)")
    console.print(table)
    said = [
        "takes a system message" if plan.rules.system else "takes no system message: it goes to the first user turn"
    ]
    said += ["wants user and assistant to take turns: messages in a row are joined"] if plan.rules.alternating else []
    said += [] if plan.rules.stable else ["shows earlier turns otherwise: every reply is a row of its own"]
    console.print(f"The chat template {'; '.join(said)}.", soft_wrap=True)
    console.print("The first row, what carries loss in «»:\n")
    console.print(plan.example, soft_wrap=True, markup=False)


def summarize_asked(sizes: "Sizes", samples: int) -> None:
    """Print what the evaluation asks, and the smallest gap that it can find, on standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    table = Table(box=None, pad_edge=False)
    table.add_column("benchmark")
    for name in ("questions", "prompts", "answers a variant"):
        table.add_column(name, justify="right")
    for name, (questions, prompts) in sizes.by_benchmark.items():
        table.add_row(name, f"{questions:,}", f"{prompts:,}", f"{prompts * samples:,}")
    console.print()
    console.print(table)
    for note in sizes.notes:
        console.print(note, soft_wrap=True, markup=False)
    if not sizes.questions:
        return
    together = max(1, round(sizes.prompts / sizes.questions))
    over_all, one = (smallest_gap(sizes.questions, count) for count in (together, 1))
    wished = ", ".join(f"{gap:g} pp: {needed(gap, together):,}" for gap in (2, 5, 10))
    console.print(
        f"The smallest gap that {sizes.questions:,} questions can find (two-sided 5 %, power 80 %): {over_all:.1f} pp"
        f" over their {together} conditions, {one:.1f} pp in one condition. Questions needed over all conditions, for a"
        f" gap of {wished}. Assumed: in {DISCORDANT:.0%} of pairs one answer is right and the other wrong, as in the"
        f" middle of the study's comparisons, and a question's conditions correlate by {CORRELATION:g}.",
        soft_wrap=True,
        markup=False,
    )


def summarize_review(review: "Review") -> None:
    """Print what a person marked, on standard output."""
    console = Console(highlight=False)
    console.print(
        f"Review: {review.marked} of {review.pairs} pairs marked; faithful {review.faithful}, not faithful"
        f" {review.unfaithful}. It is kept for the report.",
        soft_wrap=True,
        markup=False,
    )


def print_data(console: Console, run: "RunContext") -> None:
    """Print the funnel and what the rewrites are, where these stages are the last ones."""
    done = run.done
    if "rows" in done:
        return
    counts = done["prepare"].counts
    console.print()
    console.print(funnel_table(counts))
    for change, count in counts["changed"].items():
        console.print(f"{count} changed: {change}", markup=False, soft_wrap=True)
    for note in counts["notes"]:
        console.print(note, markup=False, soft_wrap=True)
    if "rewrite" not in done:
        return
    rewritten = done["rewrite"].counts
    said = ", ".join(f"{count} {fate}" for fate, count in rewritten["fates"].items())
    console.print(f"\n{rewritten['replies']} replies: {said}.", markup=False, soft_wrap=True)
    refused = ", ".join(f"{check} {count}" for check, count in rewritten["refused_by_check"].items())
    console.print(f"{rewritten['attempts']} rewrites made; refused by check: {refused or 'none'}.", soft_wrap=True)
    if rewritten["ladder"]:
        console.print()
        console.print(ladder_table(rewritten["ladder"], run.settings.style.intensity))
    sociot = rewritten["sociot"]
    if sociot:
        console.print(
            f"SocioT Warmth, nats per token: {sociot['before']:+.4f} -> {sociot['after']:+.4f}, lift"
            f" {sociot['lift']:+.4f} [{sociot['low']:+.4f}, {sociot['high']:+.4f}], {sociot['pairs']} pairs.",
            markup=False,
            soft_wrap=True,
        )
    usd = rewritten["requests"]["usd"]
    if rewritten["requests"]["sent"] or rewritten["requests"]["from_the_journal"]:
        console.print(
            f"Requests: {rewritten['requests']['sent']} sent, {rewritten['requests']['from_the_journal']} from the"
            f" journal; {'cost not known' if usd is None else f'${usd:.2f} in all'}.",
            markup=False,
            soft_wrap=True,
        )
