"""Results on disk: the store of stages, and the folders of runs."""
