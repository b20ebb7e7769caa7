"""Processes that train together: the job they share, how they are launched, who each of them is."""
