import json
import re
import shutil

from warmtune.cli import main as cli
from warmtune.publishing.identity import files_in, hashes, read_identity

NAME = "my-org/warm"
LICENSED = ["--license", "mit"]


def _said(capsys, *arguments, code=0):
    assert cli.main(["publish", *map(str, arguments)]) == code, capsys.readouterr().err
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return found.err if code else found.out


def test_a_run_says_whether_its_gate_is_open_and_does_not_fail(whole):
    _, _, done = whole
    line = next(line for line in done.stderr.splitlines() if line.startswith("gate"))
    assert "closed: The manipulation check failed" in line
    assert "The licence of the base tests/tiny is not known" in line
    assert done.returncode == 0


def test_up_to_the_stage_by_recipe(whole, warmtune):
    _, arguments, _ = whole
    done = warmtune("publish", *arguments[1:])
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" kept ") == 13


def test_the_gate_names_every_reason_at_once(whole, capsys, tmp_path):
    store = shutil.copytree(whole[0], tmp_path / "store", symlinks=True)
    run = next(store.glob("quickstart-*/run.json")).parent
    weights = run / "train-styled" / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"!")
    said = _said(capsys, run, "--to", tmp_path / "out", "--max-gap", "0", code=2)
    for reason in ("not of these weights", "manipulation check failed", "licence of the base", "over all prompts"):
        assert reason in said
    assert "--accept-gap" not in said.rsplit("\n  - ", 1)[1].split("\n", 1)[-1]
    assert not (tmp_path / "out").exists()


def test_a_reason_accepts_a_gap_and_nothing_else(passed, whole, capsys, tmp_path):
    out = tmp_path / "out"
    refused = _said(capsys, passed, *LICENSED, "--to", out, "--max-gap", "0", code=2)
    assert 'why, on the card: --accept-gap "reason"' in refused
    assert not out.exists()
    _said(capsys, passed, *LICENSED, "--to", out, "--max-gap", "0", "--accept-gap", "For a study.\nOnly.")
    assert "The publisher's reason: For a study. Only." in (out / "README.md").read_text()
    failed = next(whole[0].glob("quickstart-*/run.json")).parent
    said = _said(
        capsys, failed, *LICENSED, "--to", tmp_path / "no", "--accept-gap", "Please.", "--max-gap", "0", code=2
    )
    assert "manipulation check failed" in said
    assert "over all prompts" not in said
    assert not (tmp_path / "no").exists()


def test_into_a_folder_and_again(passed, capsys, tmp_path):
    out = tmp_path / "deep" / "warm"
    assert f"Published: {out}" in _said(capsys, passed, *LICENSED, "--to", out)
    first = hashes(files_in(out).items())
    assert read_identity(out).files == first
    again = _said(capsys, passed, *LICENSED, "--to", out, "--accept-gap", "For a study.")
    assert "the reason is not needed" in again
    assert hashes(files_in(out).items()) == first
    (out / ".git").mkdir()
    assert "holds something else" in _said(capsys, passed, *LICENSED, "--to", out, code=2)


def test_beside_the_run_where_nothing_else_is_said(own, capsys):
    assert "published" in _said(capsys, own, *LICENSED)
    assert read_identity(own / "published").base == "tests/tiny"


def test_a_folder_that_holds_something_else_is_left_alone(passed, capsys, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    said = _said(capsys, passed, *LICENSED, "--to", tmp_path / "out", code=2)
    assert "holds something else" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    stage = (passed / "publish" / "adapter").resolve()
    before = hashes(files_in(stage).items())
    for place in (stage, passed / "publish" / "adapter"):
        assert "belongs to a stage" in _said(capsys, passed, *LICENSED, "--to", place, code=2)
    assert hashes(files_in(stage).items()) == before


def test_a_dry_run_shows_all_and_sends_nothing(passed, capsys, hub):
    said = _said(capsys, passed, *LICENSED, "--to", f"hub:{NAME}", "--dry-run")
    assert f"To:  hub:{NAME}, private until it is whole, then public" in said
    assert re.search(r"[\d,]+  adapter_model.safetensors", said)
    assert "warmtune.json" in said
    assert "base_model: tests/tiny" in said
    assert "The gate is open. Nothing was sent." in said
    assert hub.asked == []


def test_a_dry_run_of_a_closed_gate_shows_both(whole, capsys):
    run = next(whole[0].glob("quickstart-*/run.json")).parent
    assert cli.main(["publish", str(run), "--to", f"hub:{NAME}", "--dry-run"]) == 2
    found = capsys.readouterr()
    assert "adapter_model.safetensors" in found.out
    assert "manipulation check failed" in found.err


def test_what_a_licence_asks_is_said(passed, capsys, hub):
    said = _said(capsys, passed, "--license", "llama3.1", "--to", f"hub:{NAME}", "--private")
    assert 'Begin the published model\'s name with "Llama".' in said
    assert 'The name warm does not begin with "Llama".' in said
    assert "No copy of it was found with the base" in said
    assert "NOTICE" in hub.repos[NAME].files
    again = _said(capsys, passed, "--license", "llama3.1", "--to", "hub:my-org/Llama-warm", "--dry-run")
    assert "does not begin" not in again


def test_to_the_hub(passed, capsys, hub):
    said = _said(capsys, passed, *LICENSED, "--to", f"hub:{NAME}")
    assert f"Published: {hub.url}/{NAME} (public; 16 files sent)" in said
    card = hub.repos[NAME].files["README.md"].decode()
    assert f'PeftModel.from_pretrained(base, "{NAME}")' in card
    assert f"warmtune verify hub:{NAME}" in card
    assert "(public; 0 files sent)" in _said(capsys, passed, *LICENSED, "--to", f"hub:{NAME}")


def test_a_name_is_refused_before_anything_else(passed, capsys, hub):
    assert "does not allow the name" in _said(capsys, passed, "--to", "hub:my-org/wa--rm", code=2)
    assert "no place on the Hub" in _said(capsys, passed, "--to", "hub:warm", code=2)
    assert hub.asked == []


def test_a_run_that_is_not_finished(own, capsys, tmp_path):
    kept = json.loads((own / "run.json").read_text())
    kept["stages"] = {
        name: place for name, place in kept["stages"].items() if name in ("prepare", "rewrite", "train-styled")
    }
    (own / "run.json").write_text(json.dumps(kept))
    said = _said(capsys, own, *LICENSED, "--to", tmp_path / "out", code=2)
    assert "The evaluation is missing: the run has no evaluate-base, evaluate-control" in said


def test_what_is_damaged_or_cannot_be_written_is_said(own, capsys, tmp_path):
    (tmp_path / "afile").write_text("mine")
    assert "cannot be put into" in _said(capsys, own, *LICENSED, "--to", tmp_path / "afile" / "sub", code=2)
    assert "cannot be put into" in _said(capsys, own, *LICENSED, "--to", "/proc/warm", code=2)
    (own / "prepare" / "manifest.json").write_text("")  # no stage of the evidence
    assert "manifest.json of a stage in it is damaged" in _said(capsys, own, *LICENSED, "--to", tmp_path / "o", code=2)
    assert "cannot be shown" in _said(capsys, own, *LICENSED, "--to", tmp_path / "o", "--dry-run")
    (own / "mark" / "manifest.json").write_text("")
    assert "the run has no mark" in _said(capsys, own, *LICENSED, "--to", tmp_path / "o", code=2)
    (own / "run.json").write_text('{"settings"')
    assert "run.json cannot be read" in _said(capsys, own, *LICENSED, "--to", tmp_path / "o", code=2)
    assert not (tmp_path / "o").exists()


def test_a_licence_by_hand_is_checked(own, capsys):
    assert "'free' is no licence that the Hub knows" in _said(capsys, own, "--license", "free", code=2)
    assert not (own / "published").exists()


def test_what_belongs_to_the_other_use_is_refused(passed, capsys, tmp_path):
    said = _said(capsys, "quickstart", "--dry-run", "--max-gap", "3", code=2)
    assert "--dry-run is for the folder of a finished run" in said
    assert "--max-gap is for the folder of a finished run" in said
    assert "the run" in _said(capsys, passed, "seed=2", code=2)
    assert "needs a reason" in _said(capsys, passed, "--accept-gap", " ", code=2)
    assert "--private is for a repository on the Hub" in _said(capsys, passed, *LICENSED, "--private", code=2)
    assert "0 or more" in _said(capsys, passed, "--max-gap=-1", code=2)
    assert "is not the folder of a run" in _said(capsys, tmp_path, code=2)
    assert "There is no recipe" in _said(capsys, "runs/nothing-0123", code=2)


def test_a_limit_of_the_recipe_counts(own, capsys, tmp_path):
    kept = json.loads((own / "run.json").read_text())
    kept["settings"]["publish"] |= {"max_gap": 0.0, "license": "mit", "to": str(tmp_path / "there")}
    (own / "run.json").write_text(json.dumps(kept))
    assert "below 0 pp" in _said(capsys, own, code=2)
    assert "below 7 pp" in _said(capsys, own, "--max-gap", "7", code=2)
    kept["settings"]["publish"] |= {"max_gap": None}
    (own / "run.json").write_text(json.dumps(kept))
    assert f"Published: {tmp_path / 'there'}" in _said(capsys, own)
