import errno
import os
import subprocess
import sys

import pytest

from warmtune.errors import StoreError
from warmtune.models.response_cache import key_of, open_response_cache


def test_what_is_put_is_on_disk_at_once_and_found_again(tmp_path):
    file = tmp_path / "deep" / "a.jsonl"
    with open_response_cache(file) as journal:
        journal.put("k", {"text": "é\n🌱", "n": 1})
        assert file.read_bytes().endswith(b"\n")
        assert journal.get("k") == {"text": "é\n🌱", "n": 1}
        assert journal.get("other") is None
    with open_response_cache(file) as journal:
        assert "k" in journal
        assert len(journal) == 1
        assert journal.get("k") == {"text": "é\n🌱", "n": 1}


def test_half_a_line_that_a_kill_left_is_cut_off(tmp_path):
    file = tmp_path / "a.jsonl"
    with open_response_cache(file) as journal:
        journal.put("one", 1)
        journal.put("two", 2)
    file.write_bytes(file.read_bytes()[:-5])
    with open_response_cache(file) as journal:
        assert (journal.get("one"), journal.get("two")) == (1, None)
        journal.put("three", 3)
    with open_response_cache(file) as journal:
        assert (journal.get("one"), journal.get("three")) == (1, 3)


def test_a_damaged_line_in_the_middle_is_an_error_that_says_where(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"key": "a", "value": 1}\nrubbish\n{"key": "b", "value": 2}\n')
    with pytest.raises(StoreError, match="damaged at byte 25"), open_response_cache(file):
        pass


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    file = tmp_path / "a.jsonl"
    with open_response_cache(file) as journal:
        journal.put("one", 1)
        write = os.pwrite

        def full(descriptor, data, place):
            write(descriptor, data[:3], place)
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space left"):
            journal.put("two", 2)
        monkeypatch.undo()
        journal.put("three", 3)
    with open_response_cache(file) as journal:
        assert (journal.get("one"), journal.get("two"), journal.get("three")) == (1, None, 3)


def test_a_second_process_waits_and_says_so(tmp_path):
    file = tmp_path / "a.jsonl"
    code = (
        "import sys; from pathlib import Path; from warmtune.models.response_cache import open_response_cache\n"
        f"with open_response_cache(Path({str(file)!r})) as j: print(j.get('mine'))"
    )
    with open_response_cache(file) as journal:
        other = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True)
        assert "Waiting" in other.stderr.readline()
        journal.put("mine", "written while it waited")
    assert other.communicate(timeout=60)[0].strip() == "written while it waited"


def test_keys_depend_on_every_part_and_on_no_order_of_fields():
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})
    assert len({key_of("a"), key_of("b"), key_of("a", None), key_of("a", 0)}) == 4
