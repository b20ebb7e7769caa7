"""A reply as the guard sees it: without code and links, in sentences, in words."""

import functools
import re
from dataclasses import dataclass
from typing import Any

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|(?:https?://|www\.)[^\s<>\"')\]]+", re.DOTALL)
_MARKS = re.compile(r"\*\*|__|^\s{0,3}#{1,6}\s*|^\s*>\s?", re.MULTILINE)
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\ufe0f\u200d\U0001f1e6-\U0001f1ff]+")
_LIST_ITEM = re.compile(r"^[^\S\n]*(?:[-*+•–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+")
_END = re.compile(r"(?<!\b[A-Z])(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bapprox)[.!?…]+[\"”’')\]]*\s+(?=\S)|(?<=:)\s+(?=[A-Z\n])")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_FUNCTION = frozenset(
    """a about above after again against all also although always am an and another any anyone anything are aren't as at
    away back be because been before being below between both bring but by came can can't cannot come could couldn't did
    didn't do does doesn't doing don't done down during each either else enough especially etc even ever every everyone
    everything few first for from further gave generally get gets getting give gives go goes going good gonna got had
    hadn't has hasn't have haven't having he he'd he'll he's help helps her here here's hers herself him himself his how
    however i i'd i'll i'm i've if in indeed instead into is isn't it it'd it'll it's its itself just keep kind kinda know
    last later least less let let's like lot lots made make makes making many may maybe me means might mine more most much
    must my myself near need needs neither never next no nobody nor not nothing now of off often okay on once one ones
    only onto or other others ought our ours ourselves out over own perhaps please plus pretty probably put quite rather
    really right same say says see seem seems set several shall she she'd she'll she's should shouldn't simply since so
    some someone something sometimes soon still stuff such super sure take takes taking than that that'll that's the
    their theirs them themselves then there there's therefore these they they'd they'll they're they've thing things this
    those though through thus till to together too totally toward towards try typically under unless until up upon us use
    used uses using usually very via want wants was wasn't way ways we we'd we'll we're we've well went were weren't what
    what's whatever when where whether which while who who's whole whom whose why will with within without won't would
    wouldn't yes yet you you'd you'll you're you've your yours yourself yourselves remain
    remains person people begin begins began start starts started tell tells told list item items view amount amounts ensure
    note recommended recommend consider don isn aren doesn didn won wasn weren couldn wouldn shouldn haven hasn hadn ain two
    three four five six seven eight nine ten eleven twelve half third worth noting pointing generally basically actually
    following follow follows afterwards roughly approximately exceed exceeding expect""".split()
)


@dataclass(frozen=True)
class Sentence:
    """One sentence of prose or one list item."""

    text: str
    item: bool
    """True for a list item."""


def plain(text: str) -> str:
    """Return the text without code, links, emphasis marks and emojis, quotation marks and apostrophes made plain."""
    text = _EMOJI.sub(" ", _MARKS.sub("", _CODE.sub(" ", text)))
    return text.translate(str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "\u00a0": " ", "\u202f": " "}))


def sentences(text: str) -> list[Sentence]:
    """Split a plain text into sentences; a list item is one or several of its own."""
    found: list[Sentence] = []
    for line in text.split("\n"):
        mark = _LIST_ITEM.match(line)
        rest = line[mark.end() :] if mark else line
        start = 0
        for end in [*(match.end() for match in _END.finditer(rest)), len(rest)]:
            piece = rest[start:end].strip()
            start = end
            if any(letter.isalnum() for letter in piece):
                found.append(Sentence(piece, mark is not None))
    return found


def words(text: str) -> list[str]:
    """Return the words of a text, lower-cased, apostrophes kept."""
    return [match.group().lower() for match in _WORD.finditer(text)]


def is_content(word: str) -> bool:
    """Tell a word that carries content from one that only holds the sentence together."""
    return len(word) > 2 and word not in _FUNCTION


@functools.lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return a word's stem (Snowball, English)."""
    stemmed: str = _stemmer().stemWord(word.removesuffix("'s"))
    return stemmed


@functools.cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
