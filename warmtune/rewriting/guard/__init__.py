"""Does a rewrite say what the original says?"""

from warmtune.rewriting.guard.findings import Finding, findings

__all__ = ["Finding", "findings"]
