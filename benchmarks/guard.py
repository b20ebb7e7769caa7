"""Hold the guard against planted pairs and print its confusion table.

    python benchmarks/guard.py [PAIRS.jsonl] [--show]

PAIRS.jsonl: one object a line with `original`, `rewrite` and `kind`, which is `faithful` or names what was changed.
Without an argument, the pairs of the tests.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from warmtune.rewriting.guard import findings

PAIRS = Path(__file__).parent.parent / "tests" / "rewriting" / "planted_pairs.jsonl"
LENGTH = {"warm": (0.6, 2.0), "cold": (0.4, 1.3), "formal": (0.6, 1.6), "concise": (0.3, 1.05)}


def confusion(file: Path, show: bool = False) -> dict[str, dict[str, int]]:
    """Return for each kind how many pairs were refused and how many passed."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    table: dict[str, dict[str, int]] = defaultdict(lambda: {"refused": 0, "passed": 0})
    checks: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found = findings([(row["original"], row["rewrite"])], LENGTH[row.get("style", "warm")])[0]
        table[row["kind"]]["refused" if found else "passed"] += 1
        checks[row["kind"]].update({finding.check for finding in found})
        if show and bool(found) == (row["kind"] == "faithful"):
            print(row["id"], row["kind"], [(f.check, f.reason) for f in found])
    for kind in sorted(table):
        print(f"{kind:<18}{table[kind]['refused']:>4} refused {table[kind]['passed']:>4} passed   {dict(checks[kind])}")
    bad = [counts for kind, counts in table.items() if kind != "faithful"]
    caught, all_bad = sum(c["refused"] for c in bad), sum(c["refused"] + c["passed"] for c in bad)
    good = table["faithful"]
    print(f"caught {caught} of {all_bad} ({caught / max(1, all_bad):.1%}); refused {good['refused']} good"
          f" of {sum(good.values())} ({good['refused'] / max(1, sum(good.values())):.1%})")  # fmt: skip
    return dict(table)


if __name__ == "__main__":
    files = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    confusion(Path(files[0]) if files else PAIRS, "--show" in sys.argv)
