"""Write synthetic conversations in ShareGPT form: much text, exact and near-duplicates, personal data, bad rows.

python benchmarks/hundred_thousand.py FILE [COUNT]
"""

import json
import random
import re
import sys
from pathlib import Path
from typing import Any

from warmtune.conversations.embedded_data import embedded

BYTES = 10_000
"""Of a conversation, on average: 100,000 make a gigabyte."""
_SENTENCES = 40_000
_SHARES = {"exact": 0.02, "near": 0.03, "personal": 0.02, "bad": 0.01}


def write_conversations(file: Path, count: int, seed: int = 1) -> None:
    """Write `count` rows of about 10 kB each."""
    draw = random.Random(seed)
    words = sorted(set(re.findall(r"[a-z]{2,}", embedded("conversations.jsonl").read_text(encoding="utf-8").lower())))
    sentences = [_sentence(draw, words) for _ in range(_SENTENCES)]
    earlier: list[dict[str, Any]] = []
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            kind = next((name for name, share in _SHARES.items() if draw.random() < share), "")
            row = _row(draw, sentences, number)
            if kind in ("exact", "near") and earlier:
                row = json.loads(json.dumps(draw.choice(earlier))) | {"id": f"s{number}"}
            if kind == "near":
                row["conversations"][-1]["value"] += f" {draw.choice(sentences)}"
            if kind == "personal":
                row["conversations"][0]["value"] += f" Write to person.{number}@mail-{number % 97}.net please."
            if len(earlier) < 1000:
                earlier.append(row)
            stream.write('{"id": "broken", "conv\n' if kind == "bad" else json.dumps(row) + "\n")


def _row(draw: random.Random, sentences: list[str], number: int) -> dict[str, Any]:
    turns = draw.choice((2, 2, 4, 4, 6, 8))
    each = max(1, int(draw.gammavariate(4, BYTES / 4) / turns / 75))
    return {
        "id": f"s{number}",
        "conversations": [
            {
                "from": "human" if turn % 2 == 0 else "gpt",
                "value": " ".join(draw.choices(sentences, k=max(1, each // 4 if turn % 2 == 0 else each * 7 // 4))),
            }
            for turn in range(turns)
        ],
    }


def _sentence(draw: random.Random, words: list[str]) -> str:
    return " ".join(draw.choices(words, k=draw.randint(7, 16))).capitalize() + draw.choice((".", ".", ".", "?"))


if __name__ == "__main__":
    write_conversations(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
