"""What of a model decides the memory and the arithmetic of its training."""

from dataclasses import dataclass

from warmtune.models.base import Base


@dataclass(frozen=True)
class Shape:
    """A model's sizes, read from its settings."""

    layers: int
    width: int
    inner: int
    """Width inside a feed-forward block."""
    heads: int
    query: int
    """Width of all query heads together."""
    key: int
    vocabulary: int
    parameters: int
    linear: tuple[tuple[str, int, int], ...]
    """Name, inputs and outputs of every linear layer but the output layer."""
    bounded: bool
    """Whether attention scores are bounded (`attn_logit_softcapping`), which no fast kernel does."""


def shape_of(base: Base) -> Shape:
    """Read a model's shape from its settings; no weights are loaded."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(str(base.folder)).get_text_config()
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings()
    linear = tuple(
        (name.rsplit(".", 1)[-1], module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    )
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return Shape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        inner=config.intermediate_size,
        heads=config.num_attention_heads,
        query=size * config.num_attention_heads,
        key=size * (getattr(config, "num_key_value_heads", None) or config.num_attention_heads),
        vocabulary=config.vocab_size,
        parameters=sum(p.numel() for p in {id(p): p for p in model.parameters()}.values()),
        linear=linear,
        bounded=getattr(config, "attn_logit_softcapping", None) is not None,
    )
