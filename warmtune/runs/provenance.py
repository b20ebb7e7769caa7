"""Which source made a stage: the git revision of warmtune's own code, and whether its tree was clean.

It is information in the manifest. It is no part of a stage's key.
"""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from warmtune import __version__

_ROOT = Path(__file__).parents[2]


@cache
def provenance() -> dict[str, Any]:
    """Return warmtune's version, and where it runs from a git checkout the commit and whether nothing was changed."""
    commit = _git("rev-parse", "HEAD") if (_ROOT / ".git").exists() else None
    if commit is None:
        return {"warmtune": __version__, "commit": None, "clean": None}
    return {"warmtune": __version__, "commit": commit, "clean": _git("status", "--porcelain") == ""}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(_ROOT), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
