"""Builds a toy: a chat model with random weights, from an architecture's configuration, and a tokenizer for it.

The toy answers nonsense. It lets every stage run in seconds without a download: for a developer's inner loop, or as a
smoke test on a rented GPU.
"""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

VOCABULARY = 2048
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SEED = 0


def build_toy(architecture: Mapping[str, Any], folder: Path) -> None:
    """Write a model with random weights and its tokenizer into a folder, in the Hub's layout.

    The weights come from a fixed seed, and the tokenizer is trained on the embedded conversations. So two machines
    build the same toy.

    Args:
        architecture: transformers' `model_type`, and the fields of its configuration that differ from the defaults.
        folder: the folder to write into; it must exist.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_trained_tokenizer(),
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        chat_template=TEMPLATE,
    )
    fields = {name: value for name, value in architecture.items() if name != "model_type"}
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    config = AutoConfig.for_model(architecture["model_type"], vocab_size=len(tokenizer), **ids, **fields)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _trained_tokenizer() -> Any:
    """Return a byte-level BPE tokenizer, trained on the embedded conversations. It can encode any text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    return tokenizer


def _texts() -> list[str]:
    file = resources.files("warmtune.conversations").joinpath("embedded", "conversations.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines()
    return [message["content"] for line in lines for message in json.loads(line)["messages"]]
