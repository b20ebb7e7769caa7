"""The memory of one training step, counted tensor by tensor: what the estimate is held to."""

import weakref
from types import SimpleNamespace

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from warmtune.models.base import Base


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of tensors that operations make inside it; `peak` is the most that lived at once.

    Tensors that were there before, a model's parameters, are left out, whatever views of them are made.
    """

    def __init__(self, before):
        super().__init__()
        self.live, self.peak = 0, 0
        self._alive = {tensor.untyped_storage()._cdata: (tensor.untyped_storage(), 0) for tensor in before}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage):
        if storage._cdata in self._alive:
            return
        key, size = storage._cdata, storage.nbytes()

        def freed(_):
            self.live -= self._alive.pop(key)[1]

        self._alive[key] = (weakref.ref(storage, freed), size)
        self.live += size
        self.peak = max(self.peak, self.live)


def tiny_base(kind, folder, vocabulary):
    """Write a model of four layers with random weights, and return it as a base."""
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "head_dim": 16}
    config = AutoConfig.for_model(
        kind, **sizes, num_attention_heads=8, num_key_value_heads=4, vocab_size=vocabulary, tie_word_embeddings=True
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return Base("tiny", "tests/tiny", None, folder, "tiny")


def step(base, settings, lengths, labelled):
    """Go forward and back once with rows of these lengths, the last `labelled` tokens of each carrying loss.

    Returns:
        The bytes at the peak, those of the model's parameters left out, and the model.
    """
    from warmtune.training.kernels.fused_lora import fuse
    from warmtune.training.lora_adapter import with_adapter
    from warmtune.training.loss.model_loss import return_loss_sums
    from warmtune.training.loss.term_registry import weighted_terms

    model = with_adapter(base, settings, 1, "cpu").train()
    terms = weighted_terms(settings.loss_terms)
    return_loss_sums(model, {name: term for name, (_, term) in terms.items()})
    fuse(model)
    rows = [torch.arange(length) % 97 for length in lengths]
    labels = [torch.where(torch.arange(len(row)) < len(row) - labelled, -100, row) for row in rows]
    if settings.packing:
        bounds = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
        places = torch.cat([torch.arange(length) for length in lengths])[None]
        given = {"input_ids": torch.cat(rows)[None], "position_ids": places, "cu_seq_lens_q": bounds}
        labels = torch.cat(labels)[None]
    else:
        given, labels = {"input_ids": torch.stack(rows)}, torch.stack(labels)
    with PeakMemory(model.parameters()) as memory:
        sums = model(**given, labels=labels, use_cache=False, loss_sums=True)
        sum(sums.values()).backward()
    return SimpleNamespace(peak=memory.peak, model=model)
