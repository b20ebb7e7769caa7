"""Recipes: Hydra composes them, the checks read them whole, and frozen dataclasses carry them."""
