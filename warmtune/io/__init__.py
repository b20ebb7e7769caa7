"""The files that stages exchange, the readers of data files and Hub datasets, and tables that people fill in."""
