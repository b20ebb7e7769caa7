from pathlib import Path

import pytest

from warmtune.errors import StoreError
from warmtune.pipeline import publish_stage
from warmtune.pipeline.context import RunContext
from warmtune.publishing.local_paths import LocalPathError, check_no_local_paths
from warmtune.runs.run import open_run

STORE = Path("/srv/warm runs/store")


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/jane"))


def _check(folder, **texts):
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    check_no_local_paths(folder, STORE, ("/data/o'neil/m", ".", "~/x", "base/", "/"))


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("README__md", "Tuned.\n\nIn /home/jane/m.\n", 3),
        ("recipe__yaml", "store: /srv/warm runs/store\n", 1),
        ("report__html", "<p>file:///data/o&#x27;neil/m/x</p>", 1),
        ("report__md", "<!-- quoted -->\n> /home/jane\n<!-- end of quoted -->\n\n/home/jane\n", 5),
        ("adapter_config__json", '{"path": "/home/jane"}', 1),
    ],
)
def test_a_place_on_the_machine_is_found(tmp_path, name, text, line):
    file = name.replace("__", r"\.")
    with pytest.raises(StoreError, match=rf"^{file} would name /.*, a place on this machine, in line {line},"):
        _check(tmp_path, **{name: text})


def test_a_store_behind_a_link_is_found_by_either_path(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("link", "real"):
        (folder / "README.md").write_text(f"In {tmp_path / name}.\n")
        with pytest.raises(StoreError, match=f"{name}, a place on this machine"):
            check_no_local_paths(folder, tmp_path / "link", ())


def test_what_only_looks_like_one_is_let_through(tmp_path):
    _check(
        tmp_path,
        README__md="A base/x at . and https://example.org/home/jane, /home/janet, /data/o'neil/more.\n",
        report__md="<!-- quoted -->\n> in /home/jane\n<!-- end of quoted -->\n",
        report__html="<!-- quoted --><p>/home/jane</p>\n<!-- end of quoted -->\n",
        prompts__jsonl='{"answer": "/home/jane"}',
        tokenizer__json='{"vocab": {"/home/jane": 1}}',
    )


def test_an_address_that_was_taken_out_is_looked_for(tmp_path):
    (tmp_path / "report.md").write_text("Judge: http://gpu7.internal:8000/v1")
    with pytest.raises(LocalPathError, match=r"report\.md would name http://gpu7"):
        check_no_local_paths(tmp_path, tmp_path / "store", ["http://gpu7.internal:8000/v1"])


def test_a_run_whose_adapter_cannot_be_made_ready_has_all_else(own, monkeypatch, capsys):
    from warmtune.publishing import publish_folder as stage

    def refuse(*_):
        raise LocalPathError("report.md would name /srv/models/judge.")

    monkeypatch.setattr(stage, "publish", refuse)
    run = open_run(own)
    done = {name: one for name, one in run.stages.items() if name != "publish"}
    context = RunContext(run.settings, done, remake=frozenset(["publish"]))
    publish_stage.publish(context)
    assert "not made ready: report.md would name /srv/models/judge." in capsys.readouterr().err
    assert "publish" not in context.done
