"""docs/architecture.md, and every path that a document names, agree with the tree; imports keep to the rules there."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "warmtune"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*.ipynb")]
    + [file for folder in ("conf", "recipes") for file in (ROOT / folder).rglob("*.yaml")]
)
STAGES = ("conversations", "rewriting", "training", "evaluation", "reporting", "publishing", "comparison")
LAYERS = (
    ("cli", "api"),
    ("sweeping", "comparison"),
    ("pipeline",),
    STAGES[:-1],
    ("analysis", "presentation"),
    ("measures",),
    ("models",),
    ("runs", "io", "config", "system"),
    ("errors",),
)


def _modules():
    """Return each module's file by its dotted name."""
    files = {}
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return files


def _imports(file, modules):
    """Yield the modules that a file imports anywhere, under TYPE_CHECKING and inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file} has a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module or ""


@pytest.fixture(scope="module")
def graph():
    modules = _modules()
    return {
        name: {one for one in _imports(file, modules) if one in modules and one != name}
        for name, file in modules.items()
    }


def _between(graph, sources, targets):
    """Return the imports that lead from packages to other ones, as text."""
    return [
        f"{module} imports {one}"
        for module, imported in sorted(graph.items())
        for one in sorted(imported)
        if (here := _room(module)) in sources and (there := _room(one)) in targets and here != there
    ]


def _room(module):
    return [*module.split("."), ""][1]


def _tables():
    """Return the cells of the document's tables, a list per row."""
    lines = ARCHITECTURE.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_every_package_and_every_loose_module_has_a_row():
    rows = {name for row in _tables() for name in re.findall(r"`warmtune/([^`]*)`", row[0])}
    packages = {f"{folder.name}/" for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file()}
    loose = {file.name for file in PACKAGE.glob("*.py")}
    assert rows == packages | loose


def test_the_files_of_every_room_are_there():
    wrong = []
    for row in _tables():
        for room in re.findall(r"`(warmtune/[^`]*/)`", row[0]):
            files = [name for name in re.findall(r"`([^`]+)`", row[2]) if re.search(r"/|\.(py|yaml|j2)$", name)]
            wrong += [room + name for name in files if not any((ROOT / room).glob(name)) and not any(ROOT.glob(name))]
    assert wrong == []


def test_every_folder_of_modules_inside_a_room_is_named():
    text = ARCHITECTURE.read_text(encoding="utf-8")
    inner = {file.parent.relative_to(PACKAGE) for file in PACKAGE.glob("*/*/**/__init__.py")}
    assert [str(folder) for folder in sorted(inner) if f"{folder.name}/" not in text] == []


def test_the_package_root_is_not_a_drawer():
    assert len(list(PACKAGE.glob("*.py"))) <= 4


def test_modules_of_one_name_mean_one_thing():
    places = defaultdict(list)
    for file in PACKAGE.rglob("*.py"):
        if file.stem not in ("__init__", "__main__"):
            places[file.stem].append(str(file.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_module_leads_back_to_itself(graph):
    # The package's own __init__ names the API's types, so whatever reads the version from it would lead everywhere.
    try:
        list(TopologicalSorter({name: found for name, found in graph.items() if name != "warmtune"}).static_order())
    except CycleError as error:
        pytest.fail(f"an import cycle: {' -> '.join(error.args[1])}")


def test_stage_packages_do_not_import_each_other(graph):
    assert _between(graph, STAGES, STAGES) == []


def test_imports_go_down(graph):
    up = [
        one
        for height, layer in enumerate(LAYERS)
        for one in _between(graph, layer, [name for above in LAYERS[:height] for name in above])
    ]
    assert {one.split()[0] for one in up} <= ASKS_UP


ASKS_UP = {"warmtune.config.combinations"}
"""It asks the rooms which forms of benchmarks and which instruments they know, to name the nearest in an error."""


def test_only_what_goes_on_from_runs_imports_the_pipeline(graph):
    assert {one.split()[0] for one in _between(graph, STAGES, ("pipeline",))} == {"warmtune.comparison.targets"}


def test_analysis_imports_no_models(graph):
    assert _between(graph, ("analysis",), ("models",)) == []
    code = "import sys, warmtune.analysis; print([name for name in sys.modules if name.startswith('warmtune.models')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(file):
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".yaml":
        text = "\n".join(line.partition("#")[2] for line in text.splitlines())
    wrong = [name for name in _linked(file, text) | _named(text) if not any(ROOT.glob(name))]
    assert sorted(wrong) == []


def _linked(file, text):
    """Return the targets of Markdown links and pictures in the tree, relative to its root."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    return {str((file.parent / one).resolve().relative_to(ROOT)) for one in targets}


def _named(text):
    """Return what stands in prose like a path of a folder in the tree."""
    folders = "warmtune|tests|benchmarks|conf|recipes|docs"
    named = re.findall(rf"(?<![\w/.:-])(?:{folders})/[\w./*-]*\w/?\*?", text)
    return {name for name in named if "." in name or name.startswith(("warmtune/", "tests/", "benchmarks/"))} - EXAMPLES


EXAMPLES = {"warmtune/triviaqa", "warmtune/trivia", "warmtune/smollm2-135m", "warmtune/NAME"}
"""What looks like a path and is Inspect's name of a task or model."""
