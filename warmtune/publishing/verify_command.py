"""The command `verify PLACE`: check every file's hash, and with `--rerun` some of the answers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from warmtune.errors import ConfigError, ModelError, UserError
from warmtune.presentation import terminal
from warmtune.publishing import stored_prompts
from warmtune.publishing.rerun import ALIKE_CHARACTERS, MIN_ALIKE_SHARE, RerunAnswer, ask_again, too_different
from warmtune.publishing.verify import Verification, VerifyError, fetch_adapter, verify_folder

_SHOWN = 3


def verify_adapter(place: str, rerun: int | None, base: Path | None) -> None:
    """Verify a published adapter and print what was found.

    Raises:
        VerifyError: the adapter is not as it was published; names every finding.
        ModelError: there is no such adapter, or the base that `rerun` needs is not on this machine.
    """
    console = terminal.console()
    if rerun is not None and rerun < 1:
        raise ConfigError([f"--rerun is {rerun}, but it must be 1 or more prompts."])
    folder = fetch_adapter(place)
    found = verify_folder(folder, base)
    if found.findings:
        raise VerifyError(place, found.findings)
    count = len(found.identity.files)
    console.print(f"Files:  all {count} are as published; weights and card belong together")
    console.print(f"Base:   {found.told}")
    if rerun is not None:
        _rerun(console, place, found, rerun)


def _rerun(console: Console, place: str, found: Verification, count: int) -> None:
    stored = stored_prompts.read(found.folder / stored_prompts.PROMPTS)
    if len(stored) < count:
        raise UserError(f"--rerun {count}: {place} holds {len(stored)} prompts with their answers; ask for fewer.")
    if found.settings is None or found.base is None:
        raise ModelError(
            "--rerun needs the base, which is not on this machine. Fetch it with `hf download` first, or say where it"
            " is with --base FOLDER."
        )
    base = found.base
    if base.fingerprint != found.identity.fingerprint:
        console.print(
            "Warning: whether this base is the one it was trained on cannot be told; the answers may show it."
        )
        # The engine refuses an adapter of another base. Here the answers are to show whether it is another one.
        base = replace(base, fingerprint=found.identity.fingerprint)
    answered = ask_again(found.folder, base, stored[:count], found.settings.eval.batch_size)
    same = sum(one.same for one in answered)
    alike = sum(one.alike for one in answered)
    more = f"; {alike - same} more begin alike for {ALIKE_CHARACTERS} characters" if same < count else ""
    console.print(f"Answers: {same} of {count} are the same as in the evaluation{more}")
    _show(console, [one for one in answered if not one.same][:_SHOWN])
    if too_different(answered):
        raise VerifyError(
            place,
            [
                f"Only {alike} of {count} answers begin as in the evaluation, less than {MIN_ALIKE_SHARE:.0%}: with"
                " this base, on this machine, it does not answer as it was evaluated."
            ],
        )


def _show(console: Console, differing: Sequence[RerunAnswer]) -> None:
    for one in differing:
        asked = one.prompt.messages[-1]["content"]
        console.print(f"\n  {one.prompt.benchmark}: {asked}")
        console.print(f"  then: {one.prompt.answer}")
        console.print(f"  now:  {one.answer}   (alike for {one.differs_at} characters)")
