import dataclasses
import json
import shutil

import pytest
import yaml

from warmtune.cli import main as cli
from warmtune.config.compose import load
from warmtune.config.sanitized_recipe import sanitize_recipe
from warmtune.models.base import Base, with_template
from warmtune.publishing import rerun, stored_prompts
from warmtune.publishing.hub_upload import push
from warmtune.publishing.identity import IDENTITY, WEIGHTS, Identity, files_in, hashes, read_identity, write_identity
from warmtune.publishing.publish_folder import ALWAYS
from warmtune.publishing.verify import verify_folder


@pytest.fixture
def folder(ready, tmp_path):
    """A published adapter, to be changed."""
    return shutil.copytree(ready, tmp_path / "adapter")


@pytest.fixture
def small(quickstart, tmp_path, monkeypatch):
    """A published adapter of the quickstart's base, as small as one can be, without a run behind it."""
    monkeypatch.setattr("warmtune.publishing.verify.find_base", lambda model: None)
    folder = tmp_path / "small"
    (folder / "results").mkdir(parents=True)
    for name in ALWAYS:
        (folder / name).write_text(name)
    known = {
        "weights": hashes([(WEIGHTS, folder / WEIGHTS)])[WEIGHTS],
        "fingerprint": "f",
        "recipe": "r",
        "report": "p",
    }
    front = {"license": "apache-2.0", "base_model": quickstart.model.hub, "warmtune": known}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(front)}---\nHi\n")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": quickstart.model.hub}))
    (folder / "recipe.yaml").write_text(sanitize_recipe(quickstart, None).text)
    identity = Identity(quickstart.model.hub, None, kind="package", commit=None, versions={}, files={}, **known)
    return _hashed(folder, identity)


def _hashed(folder, identity=None):
    """Write the hashes of a folder's files as they are now."""
    files = hashes(files_in(folder).items())
    write_identity(folder, dataclasses.replace(identity or read_identity(folder), files=files))
    return folder


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


def test_only_what_the_hub_and_git_put_there_is_overlooked(small, capsys):
    for name in (".cache/huggingface/download/x.lock", ".git/config", ".cache/evil.py", "results/.gitattributes"):
        (small / name).parent.mkdir(parents=True, exist_ok=True)
        (small / name).write_text("x")
    said = _said(capsys, small, code=2)
    assert ".cache/evil.py does not belong to it." in said
    assert "results/.gitattributes does not belong to it." in said
    assert said.count("  - ") == 2


def test_what_every_publication_has_cannot_be_left_out(small, capsys):
    assert "are as published" in _said(capsys, small)
    gone = ("README.md", "adapter_config.json", "recipe.yaml", "results/gaps.csv")
    for name in gone:
        (small / name).unlink()
    _hashed(small)
    said = _said(capsys, small, code=2)
    assert all(f"{name} is missing." in said for name in gone)
    assert said.count("  - ") == len(gone)
    (small / "README.md").write_text("---\nwarmtune: {}\n---\n")
    assert "README.md has no hash in warmtune.json." in _said(capsys, small, code=2)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("adapter_config.json", b'{"r": 8', "adapter_config.json cannot be read"),
        ("adapter_config.json", b"[]", "adapter_config.json cannot be read"),
        ("README.md", b"---\na: [\n---\n", "README.md cannot be read"),
        ("README.md", b"\xff\xfe---\n", "README.md cannot be read"),
        ("README.md", b"---\n- a\n---\n", "README.md cannot be read"),
        ("README.md", b"---\nwarmtune: hello\n---\n", "The card's fingerprint of the weights is None"),
        ("README.md", b"hello", "The card's fingerprint of the base is None"),
        ("recipe.yaml", b"\xff\xfe", "recipe.yaml cannot be read"),
        ("recipe.yaml", b"a: [", "recipe.yaml cannot be read"),
        ("recipe.yaml", b"- a", "recipe.yaml cannot be read"),
        ("recipe.yaml", b"hello", "recipe.yaml cannot be read"),
        ("recipe.yaml", b"eval: 3", "recipe.yaml cannot be read"),
    ],
)
def test_a_part_that_cannot_be_read_is_a_finding(small, capsys, name, content, says):
    (small / name).write_bytes(content)
    said = _said(capsys, small, code=2)
    assert f"{name} was changed" in said  # what was changed is not looked into
    assert said.count("  - ") == 1
    _hashed(small)
    assert says in _said(capsys, small, code=2)


@pytest.mark.parametrize(
    "change",
    [{"files": None}, {"files": {"a": 1}}, {"versions": "x"}, {"weights": None}, {"revision": 3}, {"kind": "x"}],
)
def test_an_identity_of_other_types_is_none(small, capsys, change):
    kept = json.loads((small / IDENTITY).read_text())
    (small / IDENTITY).write_text(json.dumps(kept | change))
    assert "warmtune.json does not hold what it should" in _said(capsys, small, code=2)


def test_a_recipe_of_another_base(small, capsys):
    (small / "recipe.yaml").write_text(sanitize_recipe(load("quickstart", ["model=smollm3-3b"]), None).text)
    _hashed(small)
    assert "recipe.yaml names the base HuggingFaceTB/SmolLM3-3B, but warmtune.json says" in _said(capsys, small, code=2)


def test_fingerprints_are_compared_only_within_a_kind(small, quickstart, tmp_path, monkeypatch):
    model = quickstart.model
    template = with_template("c" * 40, {"enable_thinking": False})  # as long as a folder's

    def found(trained, kind, here, here_kind):
        base = Base(model.name, model.hub, None, tmp_path, here, kind=here_kind)
        monkeypatch.setattr("warmtune.publishing.verify.find_base", lambda model: base)
        write_identity(small, dataclasses.replace(read_identity(small), fingerprint=trained, kind=kind))
        looked = verify_folder(small, None)
        return looked.told, [one for one in looked.findings if "card" not in one]

    assert found("f", "package", "f", "package")[0].endswith("is the one it was trained on")
    assert "is not the one it was trained on" in found("c" * 40, "hub", "d" * 40, "hub")[1][0]
    for trained, kind, here, here_kind in (
        (template, "hub", "a" * 64, "folder"),
        ("c" * 40, "hub", "a" * 64, "folder"),
        ("a" * 64, "folder", "b" * 64, "folder"),
        ("a" * 64, "package", "c" * 40, "hub"),
        ("a" * 64, "package", "b" * 64, "package"),  # converted by another release of a library
    ):
        told, findings = found(trained, kind, here, here_kind)
        assert told.startswith("not compared: it was trained on")
        assert findings == []


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
    _hashed(folder)
    said = _said(capsys, folder, code=2)
    assert "adapter_config.json names the base org/other, but warmtune.json says tests/tiny" in said


def test_another_base_in_the_folder_that_is_given(folder, tiny_folder, tmp_path):
    other = shutil.copytree(tiny_folder, tmp_path / "other")
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    assert (
        "not compared" in verify_folder(folder, other).told
    )  # trained on a folder: another copy may be the same model
    assert verify_folder(folder, other).findings == []


def test_asking_again_gives_the_same_answers(ready, capsys, tiny_folder):
    said = _said(capsys, ready, "--rerun", "20", "--base", tiny_folder)
    assert "Answers: 20 of 20 are the same as in the evaluation" in said
    assert "Warning" not in said


def test_a_base_that_cannot_be_compared_is_asked_all_the_same(folder, capsys, tiny_folder):
    text = (folder / "README.md").read_text()
    known = read_identity(folder)
    (folder / "README.md").write_text(text.replace(known.fingerprint, "c" * 40))
    _hashed(folder, dataclasses.replace(known, kind="hub", fingerprint="c" * 40))
    said = _said(capsys, folder, "--rerun", "4", "--base", tiny_folder)
    assert "not compared: it was trained on the Hub's, the one here is a copy in a folder" in said
    assert "Warning: whether this base is the one it was trained on cannot be told" in said
    assert "Answers: 4 of 4 are the same" in said


def test_answers_that_are_not_its_own(folder, capsys, tiny_folder):
    stored = stored_prompts.read(folder / "prompts.jsonl")
    changed = [dataclasses.replace(one, answer=one.answer[:3] + "…") for one in stored]
    stored_prompts.write(folder / "prompts.jsonl", changed[:6] + stored[6:])
    _hashed(folder)
    said = _said(capsys, folder, "--rerun", "12", "--base", tiny_folder)
    assert "6 of 12 are the same as in the evaluation; 0 more begin alike for 20 characters" in said
    assert said.count("then: ") == 3
    assert "alike for 3 characters" in said
    assert cli.main(["verify", str(folder), "--rerun", "11", "--base", str(tiny_folder)]) == 2
    assert "Only 5 of 11 answers begin as in the evaluation, less than 50%" in capsys.readouterr().err


def test_where_two_answers_part():
    one = stored_prompts.StoredPrompt("trivia", "q", "none", "", [], 8, 0.0, "Oslo, of course", "correct", True)
    assert rerun.RerunAnswer(one, "Oslo. Of").differs_at == 4
    assert rerun.RerunAnswer(one, "Oslo, of course").same
    assert rerun.RerunAnswer(one, "Oslo, of course").alike
    assert not rerun.RerunAnswer(one, "Oslo. Of").alike
    long = dataclasses.replace(one, answer="Oslo is the capital of Norway, and lies by a fjord.")
    assert rerun.RerunAnswer(long, "Oslo is the capital of Norway!").alike
    assert not rerun.RerunAnswer(long, "Oslo is the city.").alike
    assert rerun.RerunAnswer(one, "Oslo").differs_at == 4


def test_what_a_rerun_needs(ready, folder, capsys, tmp_path, monkeypatch):
    assert "holds 32 prompts" in _said(capsys, ready, "--rerun", "33", code=2)
    assert "1 or more" in _said(capsys, ready, "--rerun", "0", code=2)
    assert "--rerun needs the base" in _said(capsys, ready, "--rerun", "2", code=2)
    assert "no config.json" in _said(capsys, ready, "--base", tmp_path, code=2)
    (folder / "prompts.jsonl").write_text('{"answer": 1}\n')
    _hashed(folder)
    monkeypatch.setattr("warmtune.publishing.verify.find_base", lambda model: None)
    assert "does not hold prompts" in _said(capsys, folder, "--rerun", "2", code=2)


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


def test_the_hub_counts_and_not_what_is_kept_of_it(small, capsys, hub, monkeypatch):
    from huggingface_hub import constants

    push(small, "my-org/warm", private=False)
    assert "are as published" in _said(capsys, "hub:my-org/warm")
    for status in (404, 500):
        hub.fails["GET /api/models/my-org/warm"] = status
        assert "cannot be had from the Hub" in _said(capsys, "hub:my-org/warm", code=2)
    hub.fails.clear()
    hub.cuts.add("GET /api/models/my-org/warm")
    assert "cannot be had from the Hub" in _said(capsys, "hub:my-org/warm", code=2)
    hub.cuts.clear()
    hub.repos["my-org/warm"].commits.append("2" * 40)
    hub.cuts.add("GET /my-org/warm/resolve")
    hub.cuts.add("HEAD /my-org/warm/resolve")
    assert "Traceback" not in _said(capsys, "hub:my-org/warm", code=2)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "cannot be had from the Hub" in _said(capsys, "hub:my-org/warm", code=2)
