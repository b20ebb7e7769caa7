"""Sending to the Hub, against a stand-in that keeps repositories as the Hub does."""

import hashlib
import os
import shutil

import pytest
from standin_hub import TOKEN, Handler, Repo

from warmtune.publishing.hub_upload import HubError, check_name, push
from warmtune.publishing.identity import IDENTITY, WEIGHTS, files_in
from warmtune.runs.run import open_run

NAME = "my-org/warm"
NO_TOKEN = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def _whole(folder):
    paths = files_in(folder) | {IDENTITY: folder / IDENTITY}
    return {name: path.read_bytes() for name, path in paths.items()}


def _there(hub, name=NAME):
    return {path: content for path, content in hub.repos[name].files.items() if path != ".gitattributes"}


def _refused(hub, folder, says, name=NAME, private=False):
    with pytest.raises(HubError, match=says) as error:
        push(folder, name, private)
    text = str(error.value)
    assert "\n" not in text
    assert "hf_standin" not in text
    return text


def _never_half_public(hub, folder):
    """Whenever others could see a repository, it held all of the folder."""
    for files in hub.showed:
        assert {path: files.get(path) for path in _whole(folder)} == _whole(folder)


def test_all_goes_in_one_commit_and_becomes_public_last(hub, ready):
    found = push(ready, NAME, private=False)
    assert _there(hub) == _whole(ready)
    assert set(hub.repos[NAME].large) == {WEIGHTS}
    assert not hub.repos[NAME].private
    assert len(hub.repos[NAME].commits) == 2
    assert (found.url, found.sent, found.private) == (f"{hub.url}/{NAME}", len(_whole(ready)), False)
    posts = [one for one in hub.asked if one.startswith(("POST", "PUT"))]
    assert posts[0] == "POST /api/repos/create"
    assert posts[-1] == f"PUT /api/models/{NAME}/settings"
    assert len(hub.showed) == 1
    _never_half_public(hub, ready)


def test_it_stays_private_where_that_is_wished(hub, ready):
    assert push(ready, "tester/warm", private=True).private
    assert hub.repos["tester/warm"].private
    assert not hub.showed


def test_the_same_again_sends_nothing(hub, ready):
    push(ready, NAME, private=False)
    hub.asked.clear()
    assert push(ready, NAME, private=False).sent == 0
    assert not [one for one in hub.asked if "commit" in one or "lfs" in one]
    assert len(hub.repos[NAME].commits) == 2


def test_another_card_of_the_same_adapter_replaces_the_first(hub, ready, tmp_path):
    push(ready, NAME, private=False)
    other = shutil.copytree(ready, tmp_path / "other")
    (other / "README.md").write_text((ready / "README.md").read_text() + "\nMore.\n")
    (other / "curves.png").unlink()
    assert push(other, NAME, private=False).sent == 1
    assert _there(hub) == _whole(other)
    assert len(hub.repos[NAME].commits) == 3


def test_a_public_one_becomes_private_before_anything_is_sent(hub, ready, tmp_path):
    push(ready, NAME, private=False)
    other = shutil.copytree(ready, tmp_path / "other")
    (other / "README.md").write_text((ready / "README.md").read_text() + "\nMore.\n")
    push(other, NAME, private=True)
    assert hub.repos[NAME].private
    assert hub.showed == [hub.showed[0]]


def test_a_name_that_holds_something_else(hub, ready, tmp_path):
    other = shutil.copytree(ready, tmp_path / "other")
    (other / WEIGHTS).write_bytes(b"another adapter")
    push(other, NAME, private=False)
    before = dict(hub.repos[NAME].files)
    _refused(hub, ready, "is there already and holds something else")
    assert hub.repos[NAME].files == before
    hub.repos["tester/notes"] = Repo(private=False, files={"README.md": b"notes"})
    _refused(hub, ready, "holds something else", "tester/notes")
    assert hub.repos["tester/notes"].files == {"README.md": b"notes"}


@pytest.mark.parametrize("private", [True, False])
def test_an_empty_repository_of_ones_own_is_filled(hub, ready, private):
    hub.repos[NAME] = Repo(private)
    push(ready, NAME, private=False)
    assert _there(hub) == _whole(ready)
    assert not hub.repos[NAME].private
    _never_half_public(hub, ready)
    changes = [one for one in hub.asked if one.endswith(("/settings", "/commit/main"))]
    asked = [f"POST /api/models/{NAME}/commit/main", f"PUT /api/models/{NAME}/settings"]
    assert changes == asked if private else changes == [asked[1], *asked]


def test_what_is_said_to_be_there_is_there(hub, ready, tmp_path):
    hub.fails["GET /api/whoami"] = 500
    assert "Nothing was sent; the same command goes on." in _refused(hub, ready, "answered 500")
    hub.fails = {f"POST /api/models/{NAME}/commit": 500}
    assert "is kept there, in private until it is whole" in _refused(hub, ready, "answered 500")
    hub.fails.clear()
    push(ready, NAME, private=False)
    other = shutil.copytree(ready, tmp_path / "other")
    (other / "README.md").write_text((ready / "README.md").read_text() + "\nMore.\n")
    hub.fails[f"POST /api/models/{NAME}/commit"] = 500
    text = _refused(hub, other, "answered 500")
    assert "The repository is public: it holds what it held" in text
    assert "in private" not in text
    assert _there(hub) == _whole(ready)


def test_no_token(hub, ready, monkeypatch):
    for name in NO_TOKEN:
        monkeypatch.delenv(name, raising=False)
    text = _refused(hub, ready, "There is no token for the Hub")
    assert "hf auth login" in text
    assert hub.asked == []


def test_a_token_that_is_wrong_or_expired(hub, ready, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_expired0123456789")
    text = _refused(hub, ready, "does not know the token: it is wrong, or has expired")
    assert "hf_expired" not in text
    assert hub.repos == {}


def test_a_token_that_may_only_read(hub, ready):
    hub.role = "read"
    _refused(hub, ready, "of tester may only read")
    assert hub.repos == {}


def test_an_owner_that_is_not_ones_own(hub, ready):
    _refused(hub, ready, "cannot write to 'others'; of theirs are tester, my-org", "others/warm")
    assert hub.repos == {}


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        ("POST /api/repos/create", 403, "does not let this token write there"),
        ("POST /api/repos/create", 409, "something of this name is there already"),
        (f"POST /api/models/{NAME}/preupload", 403, "does not let this token write there"),
        (f"POST /{NAME}.git/info/lfs", 403, "does not let this token write there"),
        (f"POST /api/models/{NAME}/commit", 409, "something of this name is there already"),
        (f"POST /api/models/{NAME}/commit", 412, "somebody else has written there"),
        (f"POST /api/models/{NAME}/commit", 500, "answered 500: planted 500"),
        (f"PUT /api/models/{NAME}/settings", 403, "does not let this token write there"),
        ("PUT /lfs/", 503, "answered 503"),
    ],
)
def test_what_the_hub_refuses_leaves_nothing_half_public_and_is_made_good(hub, ready, request_, status, says):
    hub.fails[request_] = status
    _refused(hub, ready, says)
    assert hub.showed == []
    assert all(repo.private for repo in hub.repos.values())
    hub.fails.clear()
    push(ready, NAME, private=False)
    assert _there(hub) == _whole(ready)
    _never_half_public(hub, ready)


@pytest.mark.parametrize(
    "request_", ["GET /api/whoami", "PUT /lfs/", f"POST /api/models/{NAME}/commit", f"PUT /api/models/{NAME}/settings"]
)
def test_a_cut_connection_goes_on_where_it_was(hub, ready, request_):
    hub.cuts.add(request_)
    text = _refused(hub, ready, "the connection to the Hub failed")
    assert "the same command goes on" in text
    assert hub.showed == []
    before = hub.received
    hub.cuts.clear()
    push(ready, NAME, private=False)
    assert _there(hub) == _whole(ready)
    _never_half_public(hub, ready)
    weights = (ready / WEIGHTS).stat().st_size
    assert hub.received == weights
    assert before in (0, weights)


def test_a_commit_whose_answer_was_lost_is_found_there(hub, ready):
    hub.loses.add(f"POST /api/models/{NAME}/commit")
    _refused(hub, ready, "the connection to the Hub failed")
    assert hub.repos[NAME].private
    hub.loses.clear()
    assert push(ready, NAME, private=False).sent == 0
    assert len(hub.repos[NAME].commits) == 2
    assert not hub.repos[NAME].private


def test_large_files_that_arrived_are_not_sent_again(hub, ready):
    hub.fails[f"POST /api/models/{NAME}/commit"] = 500
    _refused(hub, ready, "answered 500")
    assert hashlib.sha256((ready / WEIGHTS).read_bytes()).hexdigest() in hub.objects
    hub.fails.clear()
    hub.asked.clear()
    push(ready, NAME, private=False)
    assert not [one for one in hub.asked if one.startswith("PUT /lfs/")]


def test_who_writes_there_meanwhile_is_not_overwritten(hub, ready, monkeypatch):
    kept = Handler._mode

    def meanwhile(self, repo, asked):
        if asked["path"] == "README.md":
            repo.files["theirs.txt"] = b"theirs"
            repo.commits.append("1" * 40)
        return kept(self, repo, asked)

    monkeypatch.setattr(Handler, "_mode", meanwhile)
    _refused(hub, ready, "somebody else has written there meanwhile")
    assert set(_there(hub)) == {"theirs.txt"}
    assert hub.repos[NAME].private


@pytest.mark.parametrize("public", [False, True])
def test_what_arrived_wrong_is_not_made_public(hub, ready, monkeypatch, tmp_path, public):
    if public:
        push(ready, NAME, private=False)
        ready = shutil.copytree(ready, tmp_path / "other")
        (ready / "report.md").write_text("Another.\n")
    kept = Handler._commit

    def spoiling(self, name, repo, lines):
        answer = kept(self, name, repo, lines)
        repo.files["recipe.yaml"] = b"spoiled"
        return answer

    monkeypatch.setattr(Handler, "_commit", spoiling)
    told = "it is public all the same" if public else "it is not made public"
    _refused(hub, ready, rf"is not what was sent \(recipe.yaml\); {told}")
    assert hub.repos[NAME].private != public


@pytest.fixture
def by_xet(hub, passed, warmtune, tmp_path):
    """Publish as it comes: by Xet, in a process of its own, to a store; returns what the command line said."""

    def run(store):
        hub.store = store
        there = {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
            "HF_HUB_OFFLINE": "0",
            "HF_XET_CACHE": str(tmp_path / "xet"),
        }
        hurried = {"HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1", "HF_XET_CLIENT_RETRY_BASE_DELAY": "50ms"}
        arguments = ("publish", str(passed), "--license", "mit", "--to", f"hub:{NAME}")
        return warmtune(*arguments, env=os.environ | there | hurried)

    return run


def test_by_xet_all_arrives_and_a_store_that_is_cut_off_is_made_good(hub, by_xet, passed, tmp_path):
    cut = by_xet("http://127.0.0.1:9")
    assert cut.returncode == 2, cut.stderr
    assert "the connection to the Hub failed" in cut.stderr
    assert "Traceback" not in cut.stderr
    assert hub.repos[NAME].private
    assert hub.showed == []
    done = by_xet(f"local://{tmp_path / 'store'}")
    assert done.returncode == 0, done.stderr
    assert not hub.repos[NAME].private
    weights = open_run(passed).stages["train-styled"].files[f"adapter/{WEIGHTS}"]
    assert hub.repos[NAME].large[WEIGHTS]["oid"] == weights
    assert not [one for one in hub.asked if "lfs" in one]


def test_a_hub_that_cannot_be_reached(hub, ready, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    _refused(hub, ready, "the connection to the Hub failed")


def test_offline_mode_is_named(hub, ready, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    _refused(hub, ready, "HF_HUB_OFFLINE")


@pytest.mark.parametrize("name", ["warm", "a/b/c", "my-org/warm adapter", "my-org/-warm", "my-org/wa--rm",
                                  "my-org/warm.git", "my-org/" + "w" * 97, "datasets/my-org/warm", ""])  # fmt: skip
def test_names_that_the_hub_does_not_allow(name):
    with pytest.raises(HubError, match=r"no place on the Hub|does not allow the name"):
        check_name(name)


def test_a_name_that_it_allows():
    check_name("My-Org/Llama-3.1_warm.v2")
