"""Rows laid end to end are computed as if each were alone: hidden states and logits, sliding windows included."""

import copy

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GptOssConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from warmtune.errors import ModelError
from warmtune.training.kernels.row_attention import ROW_BY_ROW

SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
FAMILIES = [
    LlamaConfig(**SMALL),
    MistralConfig(**SMALL, sliding_window=5),
    Qwen2Config(**SMALL),
    Qwen3Config(**SMALL),
    Gemma2Config(**SMALL, sliding_window=5, attn_logit_softcapping=1.0),
    Gemma3TextConfig(**SMALL, sliding_window=5, layer_types=["sliding_attention", "full_attention"]),
]


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.mark.parametrize(
    ("device", "dtype", "tolerance"),
    [
        ("cpu", torch.float32, 1e-5),
        pytest.param("cuda", torch.float32, 1e-4, marks=GPU),
        pytest.param("cuda", torch.bfloat16, 2e-2, marks=GPU),  # PyTorch's kernel for rows of any length
    ],
)
@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.model_type)
def test_logits_packed_are_the_logits_alone(config, device, dtype, tolerance):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(copy.deepcopy(config)).eval().to(device, dtype)
    rows = [torch.randint(0, 64, (n,), device=device) for n in (11, 1, 7)]
    with torch.inference_mode():
        alone = torch.cat([model(row[None]).logits[0] for row in rows])
        model.set_attn_implementation(ROW_BY_ROW)
        lengths = torch.tensor([0, *map(len, rows)], device=device)
        packed = model(
            torch.cat(rows)[None],
            position_ids=torch.cat([torch.arange(len(row), device=device) for row in rows])[None],
            cu_seq_lens_q=lengths.cumsum(0).to(torch.int32),
            use_cache=False,
        ).logits[0]
    assert torch.allclose(packed, alone, atol=tolerance)


def test_without_the_bounds_of_rows_it_refuses():
    model = AutoModelForCausalLM.from_config(copy.deepcopy(FAMILIES[0]), attn_implementation=ROW_BY_ROW).eval()
    with pytest.raises(ModelError, match=r"bounds of rows.*train\.packing=false"):
        model(torch.tensor([[1, 2, 3]]))


def test_a_model_with_attention_of_its_own_is_refused():
    sinks = GptOssConfig(**SMALL, num_local_experts=2, num_experts_per_tok=1)
    model = AutoModelForCausalLM.from_config(sinks, attn_implementation=ROW_BY_ROW).eval()
    with pytest.raises(ModelError, match=r"s_aux.*train\.packing=false"):
        model(
            torch.tensor([[1, 2, 3]]),
            position_ids=torch.tensor([[0, 1, 0]]),
            cu_seq_lens_q=torch.tensor([0, 2, 3], dtype=torch.int32),
            use_cache=False,
        )


@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.model_type)
def test_gradients_packed_are_the_gradients_alone(config):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(copy.deepcopy(config))
    rows = [torch.randint(0, 64, (n,)) for n in (11, 1, 7)]
    for row in rows:
        model(row[None]).logits.logsumexp(-1).sum().backward()
    alone = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    model.set_attn_implementation(ROW_BY_ROW)
    packed = model(
        torch.cat(rows)[None],
        position_ids=torch.cat([torch.arange(len(row)) for row in rows])[None],
        cu_seq_lens_q=torch.tensor([0, 11, 12, 19], dtype=torch.int32),
        use_cache=False,
    ).logits
    packed.logsumexp(-1).sum().backward()
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, alone[name], atol=1e-5), name
