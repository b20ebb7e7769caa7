"""What a run holds while it carries out its stages: settings, store, base, engine, and the complete stages."""

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
"""The libraries that decide what a model computes, as names for `versions`."""


@dataclass
class RunContext:
    """A recipe while it is carried out. Each stage is a function that takes this, in a module of its own."""

    settings: Settings
    done: dict[str, Stage] = field(default_factory=dict)
    """The complete stages by name, in the order they were made."""
    remake: frozenset[str] = frozenset()
    """Stages to make anew although they are complete. `train` also names `train-control` and `train-styled`."""
    variants: "list[Variant]" = field(default_factory=list)
    """The models that answer; the stage `evaluate` fills this list."""

    @cached_property
    def store(self) -> Store:
        """The store in the folder that the setting `store` names."""
        return Store(Path(self.settings.store))

    @property
    def journals(self) -> Path:
        """The folder of the response caches. All runs of the store share it."""
        return self.store.root / JOURNALS

    @cached_property
    def base(self) -> Base:
        """The base model on this machine."""
        return locate(self.settings.model)

    @cached_property
    def engine(self) -> "Engine":
        """The base model in memory, loaded once for all variants."""
        from warmtune.evaluation import open_engine

        return open_engine(self.base)

    @property
    def train_seed(self) -> int:
        """The seed of the training: `train.seed`, or the recipe's `seed` where that is null."""
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
        """Carry out a stage, or return it if the store has it.

        Machines with `launch.node_rank` above 0 wait until the first machine has finished the stage.

        Args:
            name: the stage. Its folder's name begins with it.
            inputs: everything that determines its output; the stage's key is their hash.
            work: does the work in the folder it is given.
            title: the stage's name in the terminal.
            shared: all machines take part in the work; the later ones do not only wait.
            alias_of: another stage of this run with the same content. If the run has it, it is returned.
            key: the stage's name in `done`, if it is not `name`.

        Raises:
            StoreError: the stage's folder is damaged, the disk is full, or the first machine did not finish in time.
        """
        launch, name_in_run = self.settings.launch, key or name
        interrupt.check()
        with spinner(title):
            if alias_of in self.done:
                stage = replace(self.done[alias_of], reused=True)
            elif launch.node_rank > 0:
                stage = self.store.wait_for(name, inputs, launch.timeout, work if shared else None)
            else:
                stage = self.store.run(name, inputs, work, self._is_remade(name_in_run))
        self.done[name_in_run] = stage
        print_status(f"{title:<22}{'kept' if stage.reused else f'{stage.seconds:.1f} s':>9}  {stage.folder}")
        return stage

    def title(self, variant: str) -> str:
        """Return a variant's name for people. The tuned model has the style's name."""
        return self.settings.style.name if variant == "styled" else variant

    def adapter(self, variant: VariantName) -> Path | None:
        """Return the folder of a variant's adapter at the epoch that `train.use` chooses; None for the base."""
        if variant == "base":
            return None
        return self.done[f"train-{variant}"].folder / self.settings.train.adapter_folder

    @property
    def kept_adapters(self) -> dict[str, Path]:
        """The folders of the adapters saved after `train.save_epochs`, by name, such as `styled@2`."""
        from warmtune.training import EPOCHS

        return {
            f"{name}@{folder.name}": folder
            for name in TUNED
            for folder in sorted((self.done[f"train-{name}"].folder / EPOCHS).glob("*"))
        }

    def _is_remade(self, name: str) -> bool:
        return any(name == remade or name.startswith((f"{remade}-", f"{remade}@")) for remade in self.remake)
