"""The machine: the terminal, Ctrl-C, child processes."""
