"""Arithmetic of the training that the libraries lack or do more slowly."""
