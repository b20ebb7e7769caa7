"""Carry out docs/tutorial.ipynb. As a script it writes the outputs into the file anew."""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FILE = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


def read() -> NotebookNode:
    """Return the notebook with its kept outputs."""
    return nbformat.read(FILE, as_version=4)


def executed(folder: Path) -> NotebookNode:
    """Return the notebook with outputs of its own, carried out by a kernel in a folder."""
    book = read()
    NotebookClient(book, timeout=500, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # when each cell ran
        if cell.cell_type == "code":
            cell.outputs = _small(cell.outputs)
    book.metadata.language_info = {"name": "python"}
    return book


def _small(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Leave out what a reader of the file cannot use: widgets, warnings of libraries, HTML of status lines."""
    kept = [one for one in outputs if one.get("name") != "stderr" and "widget-view" not in str(one.get("data", ""))]
    for one in kept:
        if one.output_type == "display_data":
            one.data = {"text/plain": one.data["text/plain"]}
    return kept


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        book = executed(Path(folder))
    nbformat.validate(book)
    nbformat.write(book, FILE)
    sys.stdout.write(f"{FILE} has {FILE.stat().st_size} bytes\n")
