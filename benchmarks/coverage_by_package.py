"""Print which share of each package's lines the tests reach, from the file that `coverage json` wrote."""

import json
import sys
from collections import defaultdict
from pathlib import Path


def main(file: Path) -> None:
    """Print a line per package, and one for all; subprocesses of the tests count."""
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, found in json.loads(file.read_text())["files"].items():
        parts = Path(name).parts
        for package in (parts[1] if len(parts) > 2 else "(root)", "all"):
            lines[package][0] += found["summary"]["covered_lines"]
            lines[package][1] += found["summary"]["num_statements"]
    for package, (covered, all_lines) in sorted(lines.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"{package:<16}{covered:>7,} of {all_lines:>7,}{100 * covered / max(1, all_lines):>8.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
