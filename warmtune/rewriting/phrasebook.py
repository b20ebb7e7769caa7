"""The phrasebook: a rule-based rewriter that needs no model.

It stands in for a language model and understands nothing. It adds sentences of the style before, between and after the
sentences of a reply, and swaps some words for others of the same meaning. Every choice depends only on the seed, the
message's id and the choice's purpose. So a higher intensity only adds to the changes of a lower one.
"""

import hashlib
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from warmtune.config.settings import PhrasebookSettings, Strengths, StyleSettings
from warmtune.rewriting.protect import prose_spans
from warmtune.rewriting.rewrite_loop import Attempt, Draft, Original

_MOST_BRIDGES = 2


def chance(*what: object) -> float:
    """Return a number in [0, 1) that depends only on the arguments."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in what).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@dataclass(frozen=True)
class Phrasebook:
    """Rewrites by rule at one intensity."""

    phrases: PhrasebookSettings
    intensity: float
    """From 0, which returns the text byte for byte, to 1."""
    seed: int

    def rewrite(self, text: str, key: str, avoid: Collection[str] = ()) -> tuple[str, str]:
        """Rewrite one reply.

        Args:
            text: the original reply.
            key: the message's own key, such as its id and turn.
            avoid: openers not to use, such as the previous message's.

        Returns:
            The styled reply, and its opener (empty at intensity 0, or where the style has none).
        """
        if self.intensity == 0 or not text.strip():
            return text, ""
        strength = max(0, math.ceil(self.intensity * 4) - 1)
        body = self._with_bridges(self._without_drops(self._swapped(text, key), key), key, strength)
        if not body.strip():
            body = text  # the whole text was a phrase that the style leaves out
        opener = self._chosen(self.phrases.openers, key, "opener", strength, avoid)
        styled = body
        if opener:
            styled = f"{opener}\n\n{body}" if _is_block(body.split("\n", 1)[0]) else f"{opener} {body.lstrip()}"
        closes = chance(self.seed, key, "closes") < self.intensity
        closer = self._chosen(self.phrases.closers, key, "closer", strength) if closes else ""
        if closer:
            several = "\n" in body.strip() or _is_block(body.rstrip().rsplit("\n", 1)[-1])
            styled = f"{styled.rstrip()}\n\n{closer}" if several else f"{styled} {closer}"
        return styled, opener

    def _chosen(self, lists: Strengths | None, key: str, what: str, strength: int, avoid: Collection[str] = ()) -> str:
        if lists is None:
            return ""
        phrases = [phrase for phrase in lists[strength] if phrase not in avoid] or list(lists[strength])
        return phrases[int(chance(self.seed, key, what) * len(phrases))]

    def _with_bridges(self, text: str, key: str, strength: int) -> str:
        """Put sentences of the style after sentences of prose inside the text."""
        if self.phrases.bridges is None:
            return text
        positions = [
            end
            for start, stop in prose_spans(text)
            for end in (start + match.end(1) for match in _SENTENCE_END.finditer(text[start:stop]))
            if text[end:].strip()
        ]
        ranked = sorted(positions, key=lambda position: chance(self.seed, key, "bridge", positions.index(position)))
        wanted = min(_MOST_BRIDGES, len(positions), round(self.intensity * (len(positions) + 1) / 2))
        bridges = self.phrases.bridges[strength]
        for number, position in sorted(enumerate(ranked[:wanted]), key=lambda pair: -pair[1]):
            bridge = bridges[(int(chance(self.seed, key, "which") * len(bridges)) + number) % len(bridges)]
            text = f"{text[:position]} {bridge}{text[position:]}"
        return text

    def _swapped(self, text: str, key: str) -> str:
        """Swap words for the style's words of the same meaning, in prose only."""
        if not self.phrases.swaps:
            return text
        parts, position = [], 0
        for start, end in prose_spans(text):

            def swap(match: re.Match[str], start: int = start) -> str:
                if chance(self.seed, key, "swap", start + match.start()) >= self.intensity:
                    return match.group()
                return _like(match.group(), self._swaps[match.group().lower()])

            parts += [text[position:start], self._stiff_words.sub(swap, text[start:end])]
            position = end
        return "".join(parts) + text[position:]

    def _without_drops(self, text: str, key: str) -> str:
        """Leave out phrases without content, in prose only; capitalize the next word at the start of a sentence."""
        if not self.phrases.drops:
            return text
        parts, position = [], 0
        for start, end in prose_spans(text):

            def drop(match: re.Match[str], start: int = start) -> str:
                if chance(self.seed, key, "drop", start + match.start()) >= self.intensity:
                    return match.group()
                following = match["next"]
                return following.upper() if match["phrase"][0].isupper() else following

            parts += [text[position:start], self._empty_phrases.sub(drop, text[start:end])]
            position = end
        return "".join(parts) + text[position:]

    @cached_property
    def _empty_phrases(self) -> re.Pattern[str]:
        longest_first = sorted(self.phrases.drops, key=len, reverse=True)
        phrases = "|".join(re.escape(phrase) for phrase in longest_first)
        return re.compile(rf"(?<![\w'-])(?P<phrase>(?:(?:{phrases})(?![\w'-])[^\S\n]*)+)(?P<next>\w?)", re.IGNORECASE)

    @cached_property
    def _swaps(self) -> dict[str, str]:
        return {stiff.lower(): plain for stiff, plain in self.phrases.swaps}

    @cached_property
    def _stiff_words(self) -> re.Pattern[str]:
        longest_first = sorted(self._swaps, key=len, reverse=True)
        return re.compile(r"\b(?:" + "|".join(re.escape(words) for words in longest_first) + r")\b", re.IGNORECASE)


class PhrasebookRewriter:
    """The phrasebook as a rewriter; each new attempt draws other phrases."""

    max_concurrency = 64

    def __init__(self, style: StyleSettings, seed: int, originals: Sequence[Original]) -> None:
        assert style.phrasebook is not None
        self._book = Phrasebook(style.phrasebook, style.intensity, seed)
        self._openers: dict[tuple[str, int], tuple[str, str]] = {}
        """Per reply: the opener of the reply before, and the opener of its own first rewrite."""
        opener = ""
        for original in originals:
            before = opener
            _, opener = self._book.rewrite(original.text, _key(original), (before,))
            self._openers[original.id, original.turn] = before, opener

    async def attempt(self, original: Original, before: Sequence[Attempt]) -> Draft:
        """Rewrite by rule; the draft never has a problem of form."""
        previous, own = self._openers[original.id, original.turn]
        key = f"{_key(original)}/{len(before)}" if before else _key(original)
        styled, _ = self._book.rewrite(original.text, key, {previous, own} if before else {previous})
        return Draft(styled, styled, "")


def _key(original: Original) -> str:
    return f"{original.id}/{original.turn}"


_SENTENCE_END = re.compile(r"(?<=[a-z)]{2})([.!?])(?=\s+[A-Z\n`\-*\d]|\s*\n)")


def _like(model: str, words: str) -> str:
    """Give `words` the capital letter of `model`."""
    return words[0].upper() + words[1:] if model[0].isupper() and model[1:] != model[1:].upper() else words


def _is_block(line: str) -> bool:
    """Tell whether a line is no running prose: blank, code, a list item, a table row, a heading or a quotation."""
    return bool(re.match(r"\s*$|\s{4}|\s*(?:```|[-*+•|>#]|\d+[.)](?:\s|$))", line))
