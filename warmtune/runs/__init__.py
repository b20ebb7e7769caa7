"""Results on disk: the store of stages, and finished runs."""
