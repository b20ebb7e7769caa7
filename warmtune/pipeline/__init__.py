"""The stages of a recipe: their order, what each depends on, and the call that does its work."""
