"""Chat templates of the open families over the embedded tokenizer, and the conversations that golden files hold.

`python tests/training/families.py` writes the golden files anew; look at the difference before you keep it.
"""

import json
from itertools import groupby
from pathlib import Path

import trl

GOLDEN = Path(__file__).parent / "golden"
_TEMPLATES = Path(trl.__file__).parent / "chat_templates"

# Mistral's instruct format without its tool calls: the system message stands in the last user message.
MISTRAL = (
    "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] %}{%- set rest = messages[1:] %}"
    "{%- else %}{%- set rest = messages %}{%- endif %}{{- bos_token }}"
    "{%- for m in rest %}{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('roles must alternate') }}{%- endif %}"
    "{%- if m['role'] == 'user' %}{%- if loop.last and system is defined %}"
    "{{- '[INST] ' + system + '\n\n' + m['content'] + '[/INST]' }}"
    "{%- else %}{{- '[INST] ' + m['content'] + '[/INST]' }}{%- endif %}"
    "{%- else %}{{- ' ' + m['content'] + eos_token }}{%- endif %}{%- endfor %}"
)
# name: template, special tokens, bos, eos, values set in the template
FAMILIES = {
    "smollm2": (None, [], None, None, {}),
    "llama3": (
        "llama3_1.jinja",
        ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        "<|begin_of_text|>",
        "<|eot_id|>",
        {"date_string": "26 Jul 2024"},
    ),
    "qwen2.5": ("qwen2_5.jinja", ["<|endoftext|>"], None, "<|im_end|>", {}),
    "qwen3": ("qwen3.jinja", ["<|endoftext|>", "<think>", "</think>"], None, "<|im_end|>", {"enable_thinking": False}),
    "gemma": ("gemma.jinja", ["<bos>", "<start_of_turn>", "<end_of_turn>"], "<bos>", "<end_of_turn>", {}),
    "gemma3": ("gemma3.jinja", ["<bos>", "<start_of_turn>", "<end_of_turn>"], "<bos>", "<end_of_turn>", {}),
    "mistral": (MISTRAL, ["[INST]", "[/INST]"], "<|endoftext|>", "<|im_end|>", {}),
}
_TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "initializer_range": 0.1,
}
_WINDOWED = {"sliding_window": 12, "layer_types": ["sliding_attention", "full_attention"]}
# model of conf/model: its architecture in transformers, what is peculiar to it, the family of its chat template
ARCHITECTURES = {
    "llama-3.1-8b": ("llama", {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0,
        "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}}, "llama3"),
    "smollm2-360m": ("llama", {"tie_word_embeddings": True}, "smollm2"),
    "mistral-small-2501": ("mistral", {"sliding_window": None}, "mistral"),
    "qwen2.5-7b": ("qwen2", {}, "qwen2.5"),
    "qwen3-4b": ("qwen3", {"tie_word_embeddings": True}, "qwen3"),
    "gemma-2-9b": ("gemma2", {**_WINDOWED, "query_pre_attn_scalar": 8, "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 5.0}, "gemma"),
    "gemma-3-1b": ("gemma3_text", {**_WINDOWED, "query_pre_attn_scalar": 8}, "gemma3"),
    "smollm3-3b": ("smollm3", {"no_rope_layers": [1, 0], "tie_word_embeddings": True}, "smollm2"),
}  # fmt: skip
SAME = {
    "llama-3.1-70b": "llama-3.1-8b",
    "llama-3.2-1b": "llama-3.1-8b",
    "llama-3.2-3b": "llama-3.1-8b",
    "llama-3.3-70b": "llama-3.1-8b",
    "mistral-small-2409": "mistral-small-2501",
    "qwen2.5-32b": "qwen2.5-7b",
    "qwen3-8b": "qwen3-4b",
    "qwen3-32b": "qwen3-4b",
    "smollm2-135m": "smollm2-360m",
    "smollm2-1.7b": "smollm2-360m",
}
"""The models whose architecture is that of another one of the list."""
_TWO = [
    {"role": "user", "content": "Say ünïcode 🙂 and `code`"},
    {"role": "assistant", "content": "Grüße 🙂\n\n```python\nprint(1)\n```"},
    {"role": "user", "content": "Again, 再一次?"},
    {"role": "assistant", "content": "No. 不."},
]
CONVERSATIONS = {
    "one turn": _TWO[2:],
    "two turns, code, unicode": _TWO,
    "system": [{"role": "system", "content": "Answer briefly."}, *_TWO],
    "empty system": [{"role": "system", "content": ""}, *_TWO[2:]],
    "two user messages in a row": [{"role": "user", "content": "Hello."}, *_TWO[2:]],
}


def template_of(file):
    """Return one of the templates that TRL carries."""
    return (_TEMPLATES / file).read_text()


def tokenizer_of(family, embedded):
    """Return the embedded tokenizer dressed as a family's."""
    from transformers import AutoTokenizer

    template, special, bos, eos, values = FAMILIES[family]
    tokenizer = AutoTokenizer.from_pretrained(str(embedded.folder))
    tokenizer.add_special_tokens({"additional_special_tokens": special}, replace_extra_special_tokens=False)
    if bos:
        tokenizer.bos_token = bos
    if eos:
        tokenizer.eos_token = eos
    if template:
        text = template_of(template) if template.endswith(".jinja") else template
        tokenizer.chat_template = "".join(f"{{%- set {k} = {json.dumps(v)} %}}" for k, v in values.items()) + text
    return tokenizer


def tiny_model(model, embedded, folder):
    """Write a tiny model of a shipped model's architecture to a folder, with random weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, peculiar, family = ARCHITECTURES[model]
    tokenizer = tokenizer_of(family, embedded)
    ends = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **_TINY, **peculiar, **ends, vocab_size=len(tokenizer))
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def rows_of(tokenizer):
    """Return every conversation's rows: one, or one a reply where the template shows earlier turns otherwise."""
    from warmtune.io.schemas import Conversation, Rewrite
    from warmtune.training.rows import arms

    found = {}
    for name, messages in CONVERSATIONS.items():
        same = [
            Rewrite(name, turn, "other", m["content"], m["content"], 1.0, "", 1, 0.0, 0.0)
            for turn, m in enumerate(messages)
            if m["role"] == "assistant"
        ]
        rows = arms([Conversation(name, "other", messages)], same, tokenizer, 10_000).control
        found[name] = [{"ids": row.input_ids, "labels": row.labels} for row in rows]
    return found


def readable(tokenizer, row):
    """Return a row as pieces of text, those that carry loss in guillemets."""
    pieces = groupby(zip(row["ids"], row["labels"], strict=True), key=lambda pair: pair[1] != -100)
    texts = [(loss, tokenizer.decode([id for id, _ in pairs])) for loss, pairs in pieces]
    return "".join(f"«{text}»" if loss else text for loss, text in texts)


def main():
    from warmtune.config.compose import load
    from warmtune.models.base import locate

    embedded = locate(load("quickstart", []).model)
    GOLDEN.mkdir(exist_ok=True)
    for family in FAMILIES:
        tokenizer = tokenizer_of(family, embedded)
        rows = rows_of(tokenizer)
        shown = {name: [{**row, "shown": readable(tokenizer, row)} for row in some] for name, some in rows.items()}
        lines = [f"{json.dumps(name)}: {json.dumps(some, ensure_ascii=False)}" for name, some in shown.items()]
        (GOLDEN / f"{family}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
