"""Files that pass between stages: their columns, and the readers of data files."""
