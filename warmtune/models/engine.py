"""The in-process engine: the base and all adapters on one copy of the weights, with batched answers.

The longest common beginning of a batch's prompts (at least the system prompt) is computed once. A row leaves the batch
when its answer ends, so that one long answer does not make the model compute the ended ones too.
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
    """One prompt to answer."""

    messages: tuple[Message, ...]
    max_tokens: int
    adapter: str | None
    """The adapter's name from `Engine.add_adapter`; None for the base."""
    scale: float = 1.0
    """Strength of the adapter; 1 is the strength it was trained with."""
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class EngineOutput:
    """The answer to one request."""

    text: str
    prompt_tokens: int
    tokens: int
    """Generated tokens, including the one that ended the turn."""
    stopped: bool
    """True if the model ended its turn, False if the answer was cut at `max_tokens`."""


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
        """Load an adapter beside those already loaded, and return its name for requests.

        Raises:
            ModelError: the folder holds no adapter, or the adapter does not fit the base or changes nothing.
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
        """Return a request's prompt as token ids, up to the beginning of the reply."""
        return encode(self.tokenizer, render(self.tokenizer, request.messages, generation=True))

    @torch.inference_mode()
    def complete(
        self, requests: Sequence[Request], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[EngineOutput]:
        """Return the answers to requests, in their order. Each batch has one adapter and prompts of similar length.

        Args:
            requests: prompts of any length, for any mixture of adapters.
            batch_size: most rows in one batch.
            report: called with the number of answers finished so far.
        """
        prompts = [self.encode(request) for request in requests]
        answers: list[EngineOutput | None] = [None] * len(requests)
        finished = 0
        for batch in _batches(requests, prompts, batch_size):
            first = requests[batch[0]]
            with self.lock, self._active(first.adapter, first.scale):
                outputs = self._answer([requests[n] for n in batch], [prompts[n] for n in batch])
            for index, output in zip(batch, outputs, strict=True):
                answers[index] = output
            finished += len(batch)
            if report:
                report(finished)
        return [answer for answer in answers if answer is not None]

    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token under the base, in nats; see `LanguageModel`."""
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
        """Activate one adapter at a scale, or none, inside the context."""
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
        generated: list[list[int]] = [[] for _ in requests]
        cache, logits, mask = self._prefill(prompts)
        active = list(range(len(requests)))
        positions = torch.tensor([len(prompt) for prompt in prompts])
        while active:
            tokens = [_choose(logits[row], requests[n], generators[n]) for row, n in enumerate(active)]
            for number, token in zip(active, tokens, strict=True):
                generated[number].append(token)
            remaining = [
                row
                for row, number in enumerate(active)
                if generated[number][-1] not in self._stops and len(generated[number]) < limits[number]
            ]
            if not remaining:
                break
            if len(remaining) < len(active):
                keep = torch.tensor(remaining)
                cache.batch_select_indices(keep.to(self.model.device))
                mask, positions = mask[keep], positions[keep]
                active, tokens = [active[row] for row in remaining], [tokens[row] for row in remaining]
            mask = torch.cat([mask, mask.new_ones(len(active), 1)], dim=1)
            logits = self._forward(torch.tensor(tokens)[:, None], mask, positions[:, None], cache)
            positions = positions + 1
        return [self._completion(prompts[n], generated[n]) for n in range(len(requests))]

    def _prefill(self, prompts: Sequence[list[int]]) -> tuple[Any, torch.Tensor, torch.Tensor]:
        """Run the prompts through the model: their common beginning once, then the rest, left-padded.

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
        for row, prompt in enumerate(prompts):
            length = len(prompt) - shared
            ids[row, longest - length :] = torch.tensor(prompt[shared:])
            positions[row, longest - length :] = torch.arange(shared, len(prompt))
            mask[row, shared : shared + longest - length] = 0
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
        """Raise if an adapter changes nothing after loading, because its scores would be those of the base."""
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
    """Yield the requests' indices in batches: one adapter and scale per batch. The longest come first, so that memory
    peaks at once.
    """
    for kind in sorted({kind_of(request) for request in requests}):
        numbers = [n for n, request in enumerate(requests) if kind_of(request) == kind]
        numbers.sort(key=lambda n: (-len(prompts[n]), prompts[n]))
        while numbers:
            size = like_length([len(prompts[n]) for n in numbers], batch_size)
            yield numbers[:size]
            numbers = numbers[size:]


def kind_of(request: Request) -> tuple[str, float]:
    """Return what all requests of one batch have in common: adapter and scale."""
    return request.adapter or "", request.scale


def like_length(lengths: Sequence[int], most: int) -> int:
    """Return how many of the first lengths make a batch of at most `most` rows with at most a quarter padding.

    The lengths must not rise.

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
    """Return the length of the prompts' longest common beginning that leaves at least one token of each."""
    low, high = min(prompts), max(prompts)
    limit = min(len(prompt) for prompt in prompts) - 1
    return next((n for n in range(limit) if low[n] != high[n]), limit)


def _choose(logits: torch.Tensor, request: Request, generator: torch.Generator) -> int:
    if request.temperature == 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits / request.temperature, dim=-1)
    return int(torch.multinomial(probabilities, 1, generator=generator))


def _stop_ids(tokenizer: Any, model: Any) -> frozenset[int]:
    """Return the tokens that end a turn, from the model's generation settings and the tokenizer."""
    eos = model.generation_config.eos_token_id
    ids = set(eos if isinstance(eos, list) else [eos]) | {tokenizer.eos_token_id}
    return frozenset(token for token in ids if token is not None)
