"""Make the gallery in docs/: a sweep of five intensities, a dial, cold, a system prompt, all on the embedded model.

    make gallery            runs what is missing (an hour or two on two cores), then writes docs/gallery

Everything in it is printed by the commands below; nothing is edited by hand.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from page import screenshots

from warmtune.sweeping.point import read_points

HERE = Path(__file__).parent.parent
GALLERY, STORE = HERE / "docs" / "gallery", HERE / "runs"
DIALLED = 0.75
COMPARED = ("compare.html", "compare.md", "*.png", "*.svg", "*.csv")


def main() -> None:
    """Run, dial, compare, publish, and copy what came of it."""
    sweep = _printed("Compare:", "run", "sweep/intensity", "-m").removeprefix("warmtune compare ")
    runs = {point.overrides[0]: point.run for point in read_points(Path(sweep))}
    dialled = _printed("Run:", "dial", runs[f"style.intensity={DIALLED}"], "--scales", "0.5,1.5", "--pure")
    prompted = _printed("Run:", "run", "controls/system-prompt", "rewriter.shared_intensities=[0.25,0.5,0.75,1]")
    cold = _printed("Run:", "run", "controls/cold")
    page = Path(_printed("Page:", "compare", sweep, dialled, prompted, cold))
    write(page.parent, Path(runs[f"style.intensity={DIALLED}"]) / "publish" / "adapter")


def write(compared: Path, published: Path) -> None:
    """Copy a comparison and the card of a published adapter, each with its figures, and take pictures of the page."""
    shutil.rmtree(GALLERY, ignore_errors=True)
    GALLERY.mkdir(parents=True)
    for pattern in COMPARED:
        for file in sorted(compared.glob(pattern)):
            shutil.copy2(file, GALLERY / file.name)
    shutil.copy2(published / "README.md", GALLERY / "card.md")
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", (published / "README.md").read_text(encoding="utf-8")):
        shutil.copy2(published / name, GALLERY / name)
    for picture in screenshots(compared / "compare.html", GALLERY, whole=False):
        print(picture)


def _printed(heading: str, *arguments: str) -> str:
    """Run warmtune and return what it printed after a heading."""
    command = [sys.executable, "-m", "warmtune", *arguments]
    if arguments[0] == "run":
        command.append(f"store={STORE}")
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    print(done.stdout)
    return next(line for line in done.stdout.splitlines() if line.startswith(heading)).removeprefix(heading).strip()


if __name__ == "__main__":
    main()
