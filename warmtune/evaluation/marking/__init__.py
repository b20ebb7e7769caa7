"""Marks answers: by rules, by a judge, and by a person."""
