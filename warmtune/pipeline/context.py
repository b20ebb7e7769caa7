"""What a run holds while its stages are carried out: settings, store, base, engine, and the stages so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.config.settings import Settings
from warmtune.io.schemas import JOURNALS, TUNED, VariantName
from warmtune.models.base import Base, locate
from warmtune.runs.store import Stage, Store, Work
from warmtune.system import interrupt
from warmtune.system.console import print_status, spinner

if TYPE_CHECKING:
    from warmtune.evaluation import Variant
    from warmtune.models.engine import Engine

TORCH = ("torch", "transformers", "peft")
"""The libraries that decide what a model computes."""


@dataclass
class RunContext:
    """One recipe being carried out. The stages are functions of it, one module each."""

    settings: Settings
    done: dict[str, Stage] = field(default_factory=dict)
    """The stages so far, by name, in the order they were made."""
    remake: frozenset[str] = frozenset()
    """Stages to make anew although they are complete: names of stages, or of several with one beginning (`train`)."""
    variants: "list[Variant]" = field(default_factory=list)
    """Who answers; the stage `evaluate` finds them."""

    @cached_property
    def store(self) -> Store:
        """The folder of stages."""
        return Store(Path(self.settings.store))

    @property
    def journals(self) -> Path:
        """Folder of what models answered, kept for every run."""
        return self.store.root / JOURNALS

    @cached_property
    def base(self) -> Base:
        """The base, found on this machine."""
        return locate(self.settings.model)

    @cached_property
    def engine(self) -> "Engine":
        """The base loaded for answering, once for all variants."""
        from warmtune.evaluation import open_engine

        return open_engine(self.base)

    @property
    def train_seed(self) -> int:
        """The seed of the training: its own where the recipe names one, else the recipe's."""
        s = self.settings
        return s.seed if s.train.seed is None else s.train.seed

    def stage(
        self,
        name: str,
        inputs: Mapping[str, Any],
        work: Work,
        title: str,
        shared: bool = False,
        alias_of: str | None = None,
        key: str | None = None,
    ) -> Stage:
        """Carry out a stage, or return it where the store has it.

        On machines other than the first (`launch.node_rank` above 0) wait for the first one to finish it.

        Args:
            name: the stage, which also begins its folder's name.
            inputs: all that determines its content.
            work: does the work in the folder it is given.
            title: what people see.
            shared: the machines after the first take part in the work instead of waiting.
            alias_of: a stage of this run with the same content, which stands for this one if it is there already.
            key: the stage's name in this run, where the run has several of the kind.
        """
        launch, known_as = self.settings.launch, key or name
        interrupt.check()
        with spinner(title):
            if alias_of in self.done:
                stage = replace(self.done[alias_of], reused=True)
            elif launch.node_rank > 0:
                stage = self.store.wait_for(name, inputs, launch.timeout, work if shared else None)
            else:
                stage = self.store.run(name, inputs, work, self._is_remade(known_as))
        self.done[known_as] = stage
        print_status(f"{title:<22}{'kept' if stage.reused else f'{stage.seconds:.1f} s':>9}  {stage.folder}")
        return stage

    def title(self, variant: str) -> str:
        """Return a variant's name for people: the style's name for the tuned model."""
        return self.settings.style.name if variant == "styled" else variant

    def adapter(self, variant: VariantName) -> Path | None:
        """Return the folder of a variant's adapter after the epoch that `train.use` chooses; None for the base."""
        if variant == "base":
            return None
        return self.done[f"train-{variant}"].folder / self.settings.train.adapter_folder

    @property
    def kept_adapters(self) -> dict[str, Path]:
        """The adapters that were kept after some epochs, as `styled@EPOCH`."""
        from warmtune.training import EPOCHS

        return {
            f"{name}@{folder.name}": folder
            for name in TUNED
            for folder in sorted((self.done[f"train-{name}"].folder / EPOCHS).glob("*"))
        }

    def _is_remade(self, name: str) -> bool:
        return any(name == one or name.startswith((f"{one}-", f"{one}@")) for one in self.remake)
