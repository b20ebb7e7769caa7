"""warmtune: make a chat model warm by LoRA fine-tuning, and measure honestly what that cost in accuracy."""

__version__ = "0.1.0"
