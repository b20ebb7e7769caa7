import json
import multiprocessing
import time

import pytest

from warmtune.errors import StoreError
from warmtune.runs.keys import fingerprint
from warmtune.runs.store import MANIFEST, StageOutput, Store


def _write(text):
    def work(folder):
        (folder / "out.txt").write_text(text)
        return StageOutput(["out.txt"], {"letters": len(text)})

    return work


def test_a_complete_stage_is_not_done_again(tmp_path):
    store, calls = Store(tmp_path), []

    def work(folder):
        calls.append(folder)
        return _write("abc")(folder)

    first = store.run("stage", {"a": 1}, work)
    second = store.run("stage", {"a": 1}, work)
    assert len(calls) == 1
    assert not first.reused
    assert second.reused
    assert first.digest == second.digest
    assert second.counts == {"letters": 3}


def test_what_determines_a_stage_names_its_folder(tmp_path):
    store = Store(tmp_path)
    one = store.run("stage", {"a": 1}, _write("x"))
    two = store.run("stage", {"a": 2}, _write("x"))
    assert one.folder != two.folder
    assert one.digest == two.digest  # the same content


def test_a_stage_that_fails_has_no_manifest_and_keeps_its_work(tmp_path):
    store = Store(tmp_path)

    def fails(folder):
        (folder / "partial").write_text("kept")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        store.run("stage", {"a": 1}, fails)
    (folder,) = (tmp_path / "stages").iterdir()
    assert not (folder / MANIFEST).exists()

    def goes_on(folder):
        assert (folder / "partial").read_text() == "kept"
        return _write("done")(folder)

    assert store.run("stage", {"a": 1}, goes_on).folder == folder


@pytest.mark.parametrize("harm", ["change", "delete"])
def test_a_damaged_stage_is_refused(tmp_path, harm):
    store = Store(tmp_path)
    file = store.run("stage", {}, _write("abc")).folder / "out.txt"
    file.write_text("abd") if harm == "change" else file.unlink()
    with pytest.raises(StoreError, match="missing or not what stage 'stage' wrote"):
        store.run("stage", {}, _write("abc"))


def test_a_store_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "file")


def test_the_manifest_says_what_made_it(tmp_path):
    stage = Store(tmp_path).run("stage", {"settings": {"rank": 8}}, _write("abc"))
    manifest = json.loads((stage.folder / MANIFEST).read_text())
    assert manifest["inputs"] == {"settings": {"rank": 8}}
    assert set(manifest["made_by"]) == {"warmtune", "commit", "clean"}
    assert set(manifest["files"]) == {"out.txt"}
    assert manifest["seconds"] >= 0


def _slow(root, log):
    def work(folder):
        log.put("begin")
        time.sleep(1)
        log.put("end")
        return _write("abc")(folder)

    Store(root).run("stage", {}, work)


def test_a_second_process_waits_says_for_whom_and_reuses(tmp_path, capfd):
    context = multiprocessing.get_context("spawn")
    log = context.Queue()
    processes = [context.Process(target=_slow, args=(tmp_path, log)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert [log.get(timeout=5) for _ in range(2)] == ["begin", "end"]
    assert log.empty()
    assert "Waiting: process" in capfd.readouterr().err


def test_fingerprints_refuse_what_they_cannot_hold():
    with pytest.raises(TypeError, match="part of a key"):
        fingerprint({"a": object()})


def test_a_stage_is_remade_from_nothing(tmp_path):
    store = Store(tmp_path)
    folder = store.run("stage", {}, _write("abc")).folder
    (folder / "partial").write_text("of before")
    assert store.run("stage", {}, _write("xyz")).reused

    def work(folder):
        assert not (folder / "partial").exists()
        return _write("xyz")(folder)

    stage = store.run("stage", {}, work, remake=True)
    assert not stage.reused
    assert (folder / "out.txt").read_text() == "xyz"


def test_a_manifest_of_another_version_is_refused(tmp_path):
    store = Store(tmp_path)
    file = store.run("stage", {}, _write("abc")).folder / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | {"key": "another"}))
    with pytest.raises(StoreError, match="not written by this version"):
        store.run("stage", {}, _write("abc"))
