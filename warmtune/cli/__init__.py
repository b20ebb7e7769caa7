"""The command line: commands, the tables they print, and what people do by hand."""
