"""Which source code made a stage: the git commit of warmtune, and whether its working tree was clean.

The manifest records this for people. It is no part of a stage's key.
"""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from warmtune import __version__

_ROOT = Path(__file__).parents[2]


@cache
def provenance() -> dict[str, Any]:
    """Return warmtune's version, the commit of its git checkout, and whether the checkout has no changes.

    Outside a git checkout the last two are None.
    """
    commit = _git("rev-parse", "HEAD") if (_ROOT / ".git").exists() else None
    if commit is None:
        return {"warmtune": __version__, "commit": None, "clean": None}
    return {"warmtune": __version__, "commit": commit, "clean": _git("status", "--porcelain") == ""}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(_ROOT), "--no-optional-locks", *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None
