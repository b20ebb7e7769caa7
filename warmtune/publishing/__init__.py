"""Publishing an adapter with its cost on the card: write the folder, pass the gate, send it, verify it."""
