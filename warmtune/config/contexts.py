"""The contexts of an evaluation: what stands before a question, and how people read the parts of the grid."""

from functools import cached_property

from pydantic.dataclasses import dataclass

from warmtune.config.setting_types import STRICT, Name

BELIEF_LABELS = {"all": "with or without belief", "absent": "no belief", "present": "false belief"}


@dataclass(frozen=True, config=STRICT)
class ContextSettings:
    """What stands before a question."""

    name: Name
    label: str
    """How people read it: `sad user`."""
    group: Name | None = None
    """Results are also pooled over the contexts of a group."""
    statements: tuple[str, ...] = ()
    """One of them is drawn for each question. Only `none` has none."""


NO_CONTEXT = ContextSettings("none", "no context")


@dataclass(frozen=True, config=STRICT)
class Grid:
    """The parts in which answers are counted: contexts and groups of contexts, each without and with a belief."""

    contexts: tuple[ContextSettings, ...] = ()

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Names of the contexts in each group."""
        names = dict.fromkeys(one.group for one in self.contexts if one.group)
        return {name: tuple(one.name for one in self.contexts if one.group == name) for name in names}

    @cached_property
    def labels(self) -> dict[str, str]:
        """How people read `all`, each context and each group."""
        own = {one.name: one.label for one in self.contexts}
        return {"all": "any context"} | own | {name: f"any {name}" for name in self.groups}

    def label(self, name: str) -> str:
        """Return how people read a context, a group, or whether there is a belief."""
        return self.labels.get(name) or BELIEF_LABELS.get(name, name)

    def condition(self, context: str, belief: str) -> str:
        """Return how people read a part of the grid.

        >>> Grid((NO_CONTEXT,)).condition("none", "present")
        'no context, false belief'
        """
        if context == belief == "all":
            return "all prompts"
        return ", ".join([self.label(context), *([BELIEF_LABELS[belief]] if belief != "all" else [])])
