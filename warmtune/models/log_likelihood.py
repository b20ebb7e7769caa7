"""Scores of texts under a language model: mean log-probabilities per token, in batches."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from warmtune.errors import ModelError
from warmtune.models.base import Base, find_on_hub, load_model


class LanguageModel:
    """A causal language model that scores texts."""

    def __init__(self, name: str, model: Any, tokenizer: Any, fingerprint: str) -> None:
        self.name, self.fingerprint = name, fingerprint
        self._model = model
        self._tokenizer = tokenizer

    @torch.inference_mode()
    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token in nats. The first token and padding do not count."""
        ids = [self._tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        means = [0.0] * len(texts)
        order = sorted(range(len(texts)), key=lambda n: len(ids[n]))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            for number, mean in zip(batch, self._score([ids[n] for n in batch]), strict=True):
                means[number] = mean
            if report:
                report(start + len(batch))
        return means

    @torch.no_grad()
    def released(
        self, texts: Sequence[str], batch_size: int, passes: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return the same scores with the arithmetic of SocioT's released code.

        That code leaves dropout on and takes the mean of many passes. It batches texts in their order and pads them on
        the right with the end-of-text token. The log-probabilities of this padding enter a text's mean.
        """
        pad = self._tokenizer.eos_token_id
        means: list[float] = []
        was_training = self._model.training
        self._model.train()
        try:
            for start in range(0, len(texts), batch_size):
                ids = [
                    self._tokenizer(text, add_special_tokens=False)["input_ids"]
                    for text in texts[start : start + batch_size]
                ]
                longest = max(map(len, ids))
                padded = torch.tensor([row + [pad] * (longest - len(row)) for row in ids], device=self._model.device)
                total = torch.zeros(len(ids), dtype=torch.float64)
                for _ in range(passes):
                    logits = self._model(input_ids=padded, use_cache=False).logits[:, :-1].float()
                    scores = torch.log_softmax(logits, dim=-1).gather(2, padded[:, 1:, None])[..., 0]
                    total += scores.mean(dim=1).double().cpu()
                means += (total / passes).tolist()
                if report:
                    report(start + len(ids))
        finally:
            self._model.train(was_training)
        return means

    def _score(self, batch: Sequence[list[int]]) -> list[float]:
        longest = max(len(ids) for ids in batch)
        device = self._model.device
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in batch], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in batch], device=device)
        states = self._model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        means = []
        for n, row in enumerate(batch):  # row by row: the logits of a whole batch would fill the memory
            logits = self._model.get_output_embeddings()(states[n, : len(row) - 1]).float()
            means.append(float(-torch.nn.functional.cross_entropy(logits, ids[n, 1 : len(row)])))
        return means


def from_hub(name: str) -> LanguageModel | None:
    """Return a language model from the Hub or its cache; None if it cannot be had."""
    from transformers import AutoTokenizer

    try:
        folder = find_on_hub(name)
    except ModelError:
        return None
    base = Base(name, name, None, folder, folder.name)
    return LanguageModel(name, load_model(base).eval(), AutoTokenizer.from_pretrained(str(folder)), folder.name)
