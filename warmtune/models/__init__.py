"""Models that answer: where the base is, the in-process engine, and its provider for Inspect."""
