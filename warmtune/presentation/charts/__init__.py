"""Every chart of report and comparison page, drawn by matplotlib. Knows figures and names, no stage's data."""
