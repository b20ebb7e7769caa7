"""Recipes: Hydra composes them, checks look at all settings together, and frozen dataclasses hold them."""
