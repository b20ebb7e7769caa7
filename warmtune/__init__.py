"""warmtune: make a chat model warm by LoRA fine-tuning, and measure honestly what that cost in accuracy.

import warmtune as wt

run = wt.run(wt.load("quickstart", seed=2), until="report")
run.gaps()
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from warmtune.api import RuleMark, Run, Settings, check_rewrite, compare, gap, load, mark, open_run, run

__all__ = ["RuleMark", "Run", "Settings", "check_rewrite", "compare", "gap", "load", "mark", "open_run", "run"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import warmtune` alone loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'warmtune' has no attribute '{name}'")
    from warmtune import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
