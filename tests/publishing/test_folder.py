import csv
import json
import re
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from warmtune.errors import StoreError
from warmtune.models.base import Base, load_tokenizer
from warmtune.publishing import stored_prompts
from warmtune.publishing.identity import files_in, hashes, read_identity
from warmtune.publishing.publish_folder import Publication, write_folder
from warmtune.publishing.tokenizer import changed_files
from warmtune.runs.run import open_run
from warmtune.runs.store import sha256

FILES = {
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "curves.png",
    "gaps_by_benchmark.png",
    "gaps_by_condition.png",
    "prompts.jsonl",
    "recipe.yaml",
    "report.html",
    "report.md",
    "results/checks.csv",
    "results/contrasts.csv",
    "results/effects.csv",
    "results/gaps.csv",
    "warmth.png",
}


def _publication(run, base, **more):
    opened = open_run(run)
    return Publication(opened.settings, opened.stages, base, licence="mit", **more)


def test_everything_is_there_and_its_hashes_are_right(ready, passed):
    assert set(files_in(ready)) == FILES
    identity = read_identity(ready)
    assert identity.files == hashes(files_in(ready).items())
    trained = json.loads((open_run(passed).stages["train-styled"].folder / "manifest.json").read_text())
    assert identity.weights == trained["files"]["adapter/adapter_model.safetensors"]
    assert identity.versions["peft"] == trained["inputs"]["libraries"]["peft"]
    assert json.loads((ready / "adapter_config.json").read_text())["base_model_name_or_path"] == "tests/tiny"


def test_the_same_run_gives_the_same_bytes(ready, passed, tiny_base, tmp_path):
    write_folder(_publication(passed, tiny_base), tmp_path / "again")
    assert hashes(files_in(tmp_path / "again").items()) == hashes(files_in(ready).items())
    assert (tmp_path / "again" / "warmtune.json").read_bytes() == (ready / "warmtune.json").read_bytes()


def test_nothing_tells_of_the_machine(ready, passed, tiny_folder):
    for name, path in files_in(ready).items():
        content = path.read_bytes()
        for place in (str(tiny_folder), str(passed.parent), f"{Path.home()}/"):
            assert place.encode() not in content, name


def test_the_report_is_the_runs_own_and_shows_the_recipe(ready, passed):
    written = open_run(passed).stages["report"].folder
    for name in ("report.md", "report.html", "recipe.yaml"):
        assert (ready / name).read_bytes() == (written / name).read_bytes()
    assert (ready / "report.md").read_text().endswith(f"```yaml\n{(ready / 'recipe.yaml').read_text()}```\n")


def test_benchmarks_of_ones_own_come_along(own, tiny_base, tmp_path, rewrite_manifest):
    (own / "report" / "benchmarks").mkdir()
    (own / "report" / "benchmarks" / "mine.yaml").write_text("form: questions\n")
    digest = sha256(own / "report" / "benchmarks" / "mine.yaml")
    rewrite_manifest(own, "report", lambda kept: kept["files"].update({"benchmarks/mine.yaml": digest}))
    write_folder(_publication(own, tiny_base), tmp_path / "out")
    assert set(files_in(tmp_path / "out")) == FILES | {"benchmarks/mine.yaml"}
    assert "benchmarks/" in (tmp_path / "out" / "README.md").read_text()


def test_a_report_that_names_a_path_is_refused(own, tiny_base, tmp_path, rewrite_manifest):
    report = own / "report" / "report.md"
    report.write_text(report.read_text().replace("\n## 2. ", f"\nIn {Path.home()}/styles.\n\n## 2. "))
    rewrite_manifest(own, "report", lambda kept: kept["files"].update({"report.md": sha256(report)}))
    with pytest.raises(StoreError, match=r"report\.md would name .*, a place on this machine"):
        write_folder(_publication(own, tiny_base), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_the_numbers_are_those_of_the_report(ready, passed):
    import pandas as pd

    with (ready / "results" / "gaps.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    frame = pd.read_parquet(open_run(passed).stages["report"].folder / "gaps.parquet")
    assert len(rows) == len(frame)
    assert float(rows[0]["gap"]) == frame["gap"][0]


def test_the_stored_prompts_are_those_of_the_evaluation(ready, passed):
    found = stored_prompts.read(ready / "prompts.jsonl")
    assert 8 <= len(found) <= 40
    assert {one.context for one in found} == {"none", "sad"}
    assert all(one.max_tokens == 4 for one in found)


def test_the_cards_own_code_runs(ready, tiny_folder, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", (ready / "README.md").read_text(), re.DOTALL)[1]
    exec(code.replace("tests/tiny", str(tiny_folder)).replace("path/to/this/folder", str(ready)), {})
    assert capsys.readouterr().out.strip()


def test_the_tokenizer_comes_along_where_it_is_another(passed, tiny_base, tiny_folder, tmp_path):
    adapter = open_run(passed).stages["train-styled"].folder / "adapter"
    assert changed_files(adapter, tiny_base) == []
    all_files = ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
    assert changed_files(adapter, None) == all_files
    other = shutil.copytree(tiny_folder, tmp_path / "other")
    template = (other / "chat_template.jinja").read_text()
    (other / "chat_template.jinja").write_text("{# another #}" + template)
    base = Base("other", "org/other", None, other, "f")
    assert changed_files(adapter, base) == all_files
    config = json.loads((other / "tokenizer_config.json").read_text())
    (other / "chat_template.jinja").unlink()
    (other / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": template}))
    assert changed_files(adapter, base) == []
    folder = tmp_path / "with"
    write_folder(_publication(passed, None), folder)
    assert set(files_in(folder)) == FILES | set(all_files)
    assert load_tokenizer(replace(base, folder=folder)).chat_template == template


def test_the_notice_and_the_licence_of_a_base_that_wants_them(passed, tiny_base, tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "base")
    (tmp_path / "base" / "LICENSE").write_text("The whole text.\n")
    what = _publication(passed, replace(tiny_base, folder=tmp_path / "base"))
    write_folder(replace(what, licence="llama3.2"), tmp_path / "llama")
    assert (tmp_path / "llama" / "NOTICE").read_text().startswith("Llama 3.2 is licensed under")
    assert (tmp_path / "llama" / "LICENSE").read_text() == "The whole text.\n"
    assert {"NOTICE", "LICENSE"} <= set(read_identity(tmp_path / "llama").files)


def test_a_write_that_fails_leaves_what_was_there(own, tiny_base, tmp_path, monkeypatch):
    target = tmp_path / "target"
    write_folder(_publication(own, tiny_base), target)
    before = hashes(files_in(target).items())
    what = _publication(own, tiny_base)
    weights = what.stages["train-styled"].folder / "adapter" / "adapter_model.safetensors"
    weights.chmod(weights.stat().st_mode | stat.S_IWUSR)
    weights.write_bytes(b"others")
    with pytest.raises(StoreError, match="not what was trained and evaluated"):
        write_folder(what, target)
    assert hashes(files_in(target).items()) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_figure_that_is_gone_or_another(own, tiny_base, tmp_path):
    figure = own / "report" / "curves.png"
    what = _publication(own, tiny_base)
    figure.write_bytes(figure.read_bytes() + b"!")
    with pytest.raises(StoreError, match=r"curves\.png is missing, or not what was trained and evaluated"):
        write_folder(what, tmp_path / "out")
    figure.unlink()
    with pytest.raises(StoreError, match=r"curves\.png is missing"):
        write_folder(what, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written(passed, tiny_base, tmp_path):
    (tmp_path / "afile").write_text("mine")
    for place in (tmp_path / "afile" / "sub", Path("/proc/warm")):
        with pytest.raises(StoreError, match=f"cannot be put into {place}"):
            write_folder(_publication(passed, tiny_base), place)
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_folder_without_hashes_is_told(tmp_path):
    with pytest.raises(StoreError, match=r"has no warmtune\.json"):
        read_identity(tmp_path)
    (tmp_path / "warmtune.json").write_text('{"base": "a/b", "revision": null, "fingerprint": "f"}')
    with pytest.raises(StoreError, match="has no hashes of its files"):
        read_identity(tmp_path)
