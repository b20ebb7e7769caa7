"""The machine: the terminal, the log, Ctrl-C, child processes."""
