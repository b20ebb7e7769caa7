import dataclasses
import json
import shutil

import pytest

from warmtune import cli
from warmtune.publishing import prompts, rerun
from warmtune.publishing.hub import push
from warmtune.publishing.identity import read_identity, write_identity
from warmtune.publishing.verify import verified


@pytest.fixture
def folder(ready, tmp_path):
    """A published adapter, to be changed."""
    return shutil.copytree(ready, tmp_path / "adapter")


def _said(capsys, *arguments, code=0):
    assert cli.main(["verify", *map(str, arguments)]) == code, capsys.readouterr().err
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return found.err if code else found.out


def test_what_was_published_is_verified(ready, capsys, tiny_folder):
    said = _said(capsys, ready)
    assert "all 15 are as published" in said
    assert "not compared: tests/tiny is not on this machine" in said
    assert "is the one it was trained on" in _said(capsys, ready, "--base", tiny_folder)


def test_missing_changed_and_foreign_files_at_once(folder, capsys):
    (folder / "curves.png").unlink()
    (folder / "results" / "gaps.csv").write_text("gap\n-9\n")
    (folder / "evil.py").write_text("import os")
    (folder / ".gitattributes").write_text("the Hub's own")
    said = _said(capsys, folder, code=2)
    assert "curves.png is missing." in said
    assert "results/gaps.csv was changed" in said
    assert "evil.py does not belong to it." in said
    assert "gitattributes" not in said
    assert said.count("  - ") == 3


def test_another_adapter_under_the_same_card(folder, capsys):
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[::-1])
    assert "adapter_model.safetensors was changed" in _said(capsys, folder, code=2)
    identity = read_identity(folder)
    new = "0" * 64
    write_identity(folder, dataclasses.replace(identity, weights=new))
    said = _said(capsys, folder, code=2)
    assert "names two different hashes of the weights" in said
    assert f"The card's fingerprint of the weights is {identity.weights}, but warmtune.json says {new}" in said


def test_an_adapter_that_names_another_base(folder, capsys):
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "org/other"}))
    said = _said(capsys, folder, code=2)
    assert "adapter_config.json names the base org/other, but warmtune.json says tests/tiny" in said


def test_another_base_in_the_folder_that_is_given(folder, tiny_folder, tmp_path):
    other = shutil.copytree(tiny_folder, tmp_path / "other")
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    assert "not compared" in verified(folder, other).base  # trained on a folder: another copy may be the same model
    assert verified(folder, other).findings == []
    write_identity(folder, dataclasses.replace(read_identity(folder), base_from_folder=False))
    found = verified(folder, other).findings
    assert len(found) == 1
    assert "is not the one it was trained on" in found[0]


def test_asking_again_gives_the_same_answers(ready, capsys, tiny_folder):
    said = _said(capsys, ready, "--rerun", "20", "--base", tiny_folder)
    assert "Answers: 20 of 20 are the same as in the evaluation" in said


def test_answers_that_are_not_its_own(folder, capsys, tiny_folder):
    stored = prompts.read(folder / "prompts.jsonl")
    changed = [dataclasses.replace(one, answer=one.answer[:3] + "…") for one in stored]
    prompts.write(folder / "prompts.jsonl", changed[:6] + stored[6:])
    identity = read_identity(folder)
    from warmtune.publishing.identity import files_in, hashes

    write_identity(folder, dataclasses.replace(identity, files=hashes(files_in(folder).items())))
    said = _said(capsys, folder, "--rerun", "12", "--base", tiny_folder)
    assert "6 of 12 are the same as in the evaluation; 0 more begin alike for 20 characters" in said
    assert said.count("then: ") == 3
    assert "alike for 3 characters" in said
    assert cli.main(["verify", str(folder), "--rerun", "11", "--base", str(tiny_folder)]) == 2
    assert "Only 5 of 11 answers begin as in the evaluation, less than 50%" in capsys.readouterr().err


def test_where_two_answers_part():
    one = prompts.StoredPrompt("trivia", "q", "none", "", [], 8, 0.0, "Oslo, of course", "correct", True)
    assert rerun.Answered(one, "Oslo. Of").parts_at == 4
    assert rerun.Answered(one, "Oslo, of course").same
    assert rerun.Answered(one, "Oslo, of course").alike
    assert not rerun.Answered(one, "Oslo. Of").alike
    long = dataclasses.replace(one, answer="Oslo is the capital of Norway, and lies by a fjord.")
    assert rerun.Answered(long, "Oslo is the capital of Norway!").alike
    assert not rerun.Answered(long, "Oslo is the city.").alike
    assert rerun.Answered(one, "Oslo").parts_at == 4


def test_what_a_rerun_needs(ready, folder, capsys, tmp_path):
    assert "holds 32 prompts" in _said(capsys, ready, "--rerun", "33", code=2)
    assert "1 or more" in _said(capsys, ready, "--rerun", "0", code=2)
    assert "--rerun needs the base" in _said(capsys, ready, "--rerun", "2", code=2)
    assert "no config.json" in _said(capsys, ready, "--base", tmp_path, code=2)


def test_what_is_no_published_adapter(capsys, tmp_path, whole):
    assert "There is no folder" in _said(capsys, tmp_path / "nowhere", code=2)
    assert "has no warmtune.json" in _said(capsys, tmp_path, code=2)
    trained = next(whole[0].glob("stages/train-styled-*/adapter"))
    assert "has no hashes of its files" in _said(capsys, trained, code=2)


def test_from_the_hub(ready, capsys, hub):
    push(ready, "my-org/warm", private=False)
    assert "all 15 are as published" in _said(capsys, "hub:my-org/warm")
    hub.repos["my-org/warm"].files["report.md"] = b"Nothing was lost."
    hub.repos["my-org/warm"].commits.append("1" * 40)
    assert "report.md was changed" in _said(capsys, "hub:my-org/warm", code=2)
    assert "cannot be had from the Hub" in _said(capsys, "hub:my-org/none", code=2)
