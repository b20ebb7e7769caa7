"""The stages of a recipe: their order, the inputs of each, and the call that does its work."""
