"""The adapter with its cost on the card: made ready in a folder, sent past a gate, and verified by whoever has it."""
