"""The in-process engine: base and all adapters on one copy of the weights, answers written in running batches.

A batch shares the longest common beginning of its prompts (the system prompt, at least), which is computed once. Rows
that have ended leave the batch, so that a long answer does not keep the others' places warm.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from warmtune.errors import ModelError
from warmtune.io.schemas import Message
from warmtune.models.adapters import check_adapter
from warmtune.models.base import Base, load_model, load_tokenizer
from warmtune.models.chat_template import encode, render
from warmtune.models.log_likelihood import LanguageModel


@dataclass(frozen=True)
class Request:
    """One prompt to be answered."""

    messages: tuple[Message, ...]
    max_tokens: int
    adapter: str | None
    """Name under which the adapter was added, or None for the base."""
    scale: float = 1.0
    """Strength of the adapter: 1 as it was trained."""
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class EngineOutput:
    """The answer to one request."""

    text: str
    prompt_tokens: int
    tokens: int
    """Generated tokens, the one that ended the turn included."""
    stopped: bool
    """True when the model ended its turn, False when it was cut at `max_tokens`."""


class Engine:
    """One base model with any number of adapters."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.tokenizer = load_tokenizer(base)
        self.model: Any = load_model(base).eval()
        self.lock = threading.Lock()
        """Held while the model runs: one batch, with one adapter, at a time."""
        self._stops = _stop_ids(self.tokenizer, self.model)
        self._adapters: set[str] = set()

    def add_adapter(self, folder: Path) -> str:
        """Load an adapter beside those already there and return the name to ask for it by.

        Raises:
            ModelError: when the folder holds no adapter, or one that was trained on another base.
        """
        name = check_adapter(folder, self.base)
        if name in self._adapters:
            return name
        from peft import PeftModel

        try:
            if self._adapters:
                self.model.load_adapter(str(folder), adapter_name=name)
            else:
                self.model = PeftModel.from_pretrained(self.model, str(folder), adapter_name=name).eval()
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"The adapter in {folder} does not fit the base {self.base.name}: {' '.join(str(error).split())[:300]}"
                " Use the base named in its adapter_config.json."
            ) from None
        self._adapters.add(name)
        self._check_applied(name)
        return name

    def encode(self, request: Request) -> list[int]:
        """Return a request's prompt as token ids, up to where the reply begins."""
        return encode(self.tokenizer, render(self.tokenizer, request.messages, generation=True))

    @torch.inference_mode()
    def complete(
        self, requests: Sequence[Request], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[EngineOutput]:
        """Answer requests, in batches of one adapter each and of prompts of like length.

        Args:
            requests: any mixture of adapters and lengths.
            batch_size: most rows in one batch.
            report: called with the number of answers finished so far.
        """
        prompts = [self.encode(request) for request in requests]
        answers: list[EngineOutput | None] = [None] * len(requests)
        finished = 0
        for batch in _batches(requests, prompts, batch_size):
            first = requests[batch[0]]
            with self.lock, self._active(first.adapter, first.scale):
                found = self._answer([requests[n] for n in batch], [prompts[n] for n in batch])
            for number, completion in zip(batch, found, strict=True):
                answers[number] = completion
            finished += len(batch)
            if report:
                report(finished)
        return [answer for answer in answers if answer is not None]

    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token under the base; see `LanguageModel`."""
        with self.lock, self._active(None):
            return self.language_model.mean_log_probabilities(texts, batch_size, report)

    def without_adapters(self) -> AbstractContextManager[None]:
        """Return a context in which the base alone answers."""
        return self._active(None)

    @property
    def language_model(self) -> LanguageModel:
        """The base as a model that scores texts; adapters must be off while it does."""
        plain = self.model.get_base_model() if self._adapters else self.model
        return LanguageModel(self.base.hub, plain, self.tokenizer, self.base.fingerprint)

    @contextmanager
    def _active(self, adapter: str | None, scale: float = 1.0) -> Iterator[None]:
        """Make one adapter at a scale, or none, the one that answers."""
        if adapter is None:
            with self.model.disable_adapter() if self._adapters else nullcontext():
                yield
            return
        self.model.set_adapter(adapter)
        if scale == 1.0:
            yield
            return
        from peft.helpers import rescale_adapter_scale

        with rescale_adapter_scale(self.model, scale):
            yield

    def _answer(self, requests: Sequence[Request], prompts: Sequence[list[int]]) -> list[EngineOutput]:
        limits = [request.max_tokens for request in requests]
        generators = [torch.Generator().manual_seed(request.seed) for request in requests]
        written: list[list[int]] = [[] for _ in requests]
        cache, logits, mask = self._prefill(prompts)
        alive = list(range(len(requests)))
        positions = torch.tensor([len(prompt) for prompt in prompts])
        while alive:
            tokens = [_choose(logits[place], requests[n], generators[n]) for place, n in enumerate(alive)]
            for number, token in zip(alive, tokens, strict=True):
                written[number].append(token)
            stays = [
                place
                for place, number in enumerate(alive)
                if written[number][-1] not in self._stops and len(written[number]) < limits[number]
            ]
            if not stays:
                break
            if len(stays) < len(alive):
                keep = torch.tensor(stays)
                cache.batch_select_indices(keep.to(self.model.device))
                mask, positions = mask[keep], positions[keep]
                alive, tokens = [alive[place] for place in stays], [tokens[place] for place in stays]
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
            logits = self._forward(torch.tensor(tokens)[:, None], mask, positions[:, None], cache)
            positions = positions + 1
        return [self._completion(prompts[n], written[n]) for n in range(len(requests))]

    def _prefill(self, prompts: Sequence[list[int]]) -> tuple[Any, torch.Tensor, torch.Tensor]:
        """Run the prompts: their common beginning once, the rest left-padded behind it.

        Returns:
            The cache, the logits of the last position (rows x vocabulary) and the attention mask so far.
        """
        from transformers import DynamicCache

        shared = _common_prefix(prompts)
        cache = DynamicCache(config=self.model.config)
        if shared:
            head = torch.tensor([prompts[0][:shared]])
            self._forward(head, torch.ones_like(head), torch.arange(shared)[None], cache)
            cache.batch_repeat_interleave(len(prompts))
        longest = max(len(prompt) for prompt in prompts) - shared
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.ones(len(prompts), shared + longest, dtype=torch.long)
        positions = torch.zeros(len(prompts), longest, dtype=torch.long)
        for place, prompt in enumerate(prompts):
            rest = len(prompt) - shared
            ids[place, longest - rest :] = torch.tensor(prompt[shared:])
            positions[place, longest - rest :] = torch.arange(shared, len(prompt))
            mask[place, shared : shared + longest - rest] = 0
        return cache, self._forward(ids, mask, positions, cache), mask

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any) -> torch.Tensor:
        device = self.model.device
        output = self.model(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            position_ids=positions.to(device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1].float().cpu()
        return logits

    def _completion(self, prompt: list[int], written: list[int]) -> EngineOutput:
        stopped = written[-1] in self._stops
        text = self.tokenizer.decode(written[:-1] if stopped else written, skip_special_tokens=True)
        return EngineOutput(str(text).strip(), len(prompt), len(written), stopped)

    def _check_applied(self, name: str) -> None:
        """Refuse an adapter that was loaded but changes nothing: its scores would silently be the base's."""
        ids = torch.tensor([encode(self.tokenizer, render(self.tokenizer, [{"role": "user", "content": "Hello"}]))])
        positions = torch.arange(ids.shape[1])[None]
        logits = []
        with torch.inference_mode(), self.lock:
            for adapter in (None, name):
                with self._active(adapter):
                    logits.append(self._forward(ids, torch.ones_like(ids), positions, None))
        if torch.equal(logits[0], logits[1]):
            raise ModelError(
                f"With the adapter {name} the model {self.base.name} computes exactly what it computes without it;"
                " the adapter is untrained or does not fit this base."
            )


def _batches(requests: Sequence[Request], prompts: Sequence[list[int]], batch_size: int) -> Iterator[list[int]]:
    """Yield request numbers in batches: one adapter and scale a batch, longest first, so that memory peaks at once."""
    for kind in sorted({kind_of(request) for request in requests}):
        numbers = [n for n, request in enumerate(requests) if kind_of(request) == kind]
        numbers.sort(key=lambda n: (-len(prompts[n]), prompts[n]))
        while numbers:
            size = like_length([len(prompts[n]) for n in numbers], batch_size)
            yield numbers[:size]
            numbers = numbers[size:]


def kind_of(request: Request) -> tuple[str, float]:
    """Return what the requests of one batch have in common: adapter and scale."""
    return request.adapter or "", request.scale


def like_length(lengths: Sequence[int], most: int) -> int:
    """Return how many of the lengths, which fall, make a batch: at most `most`, and at most a quarter of it padding.

    >>> like_length([400, 60, 55, 50], 64)
    1
    """
    total = 0
    for count, length in enumerate(lengths[:most]):
        total += length
        if total < 0.75 * lengths[0] * (count + 1):
            return count
    return min(len(lengths), most)


def _common_prefix(prompts: Sequence[list[int]]) -> int:
    """Return how many tokens all prompts begin with, at least one token of each left over."""
    low, high = min(prompts), max(prompts)
    limit = min(len(prompt) for prompt in prompts) - 1
    return next((n for n in range(limit) if low[n] != high[n]), limit)


def _choose(logits: torch.Tensor, request: Request, generator: torch.Generator) -> int:
    if request.temperature == 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits / request.temperature, dim=-1)
    return int(torch.multinomial(probabilities, 1, generator=generator))


def _stop_ids(tokenizer: Any, model: Any) -> frozenset[int]:
    """Return the tokens that end a turn, by the model's own generation settings and the tokenizer."""
    named = model.generation_config.eos_token_id
    ids = set(named if isinstance(named, list) else [named]) | {tokenizer.eos_token_id}
    return frozenset(token for token in ids if token is not None)
