"""The guard checks that a rewrite says what the original says."""

from warmtune.rewriting.guard.findings import Finding, findings
from warmtune.rewriting.guard.version import VERSION, data

__all__ = ["VERSION", "Finding", "data", "findings"]
