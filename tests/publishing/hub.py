"""A stand-in for the Hub's API, on this machine, after what huggingface_hub sends and its published description.

It keeps repositories as the Hub does: small files in the commit, large ones by the LFS protocol or in Xet's store, one
commit at a time, each with a parent. It refuses what the Hub refuses: an unknown token, a name that is taken, a commit
whose large files never came or whose parent is not the newest. Faults are planted by the beginning of a request.

Xet's store is a folder that hf_xet itself writes to, as it does for its own tests (`local://FOLDER`).
"""

import base64
import hashlib
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

TOKEN = "hf_standin0123456789"
_LFS_FROM = 10_000_000
"""Bytes from which the Hub takes a file by LFS, whatever it is called."""


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repo:
    """One repository: its newest files, and whether others see them."""

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.safetensors filter=lfs\n"})
    large: dict[str, dict] = field(default_factory=dict)
    """Hash and size of the large files."""
    commits: list[str] = field(default_factory=lambda: ["0" * 40])

    @property
    def sha(self):
        return self.commits[-1]


class Hub(ThreadingHTTPServer):
    """Repositories, large objects, and what was asked of them."""

    daemon_threads = True

    def __init__(self, role="write", orgs=("my-org",)):
        super().__init__(("127.0.0.1", 0), Handler)
        self.role, self.orgs = role, orgs
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.store = ""
        """Address of Xet's store."""
        self.received = 0
        """Bytes of large objects that came whole."""
        self.asked: list[str] = []
        self.fails: dict[str, int] = {}
        """Status by the beginning of a request, such as `PUT /api/models`."""
        self.cuts: set[str] = set()
        """Beginnings of requests whose connection is cut before they are carried out."""
        self.loses: set[str] = set()
        """... and after they are: the answer never arrives."""
        self.showed: list[dict[str, bytes]] = []
        """The files of a repository each time that others could see it."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        """Say nothing of connections that were cut."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._serve()

    def do_HEAD(self):
        self._serve()

    def do_POST(self):
        self._serve()

    def do_PUT(self):
        self._serve()

    def _serve(self):
        hub, path = self.server, urlsplit(self.path).path
        named = f"{self.command} {path}"
        hub.asked.append(named)
        length = int(self.headers.get("content-length") or 0)
        if any(named.startswith(one) for one in hub.cuts):
            self.rfile.read(length // 2)
            return self._cut()
        body = self._chunks() if "chunked" in self.headers.get("transfer-encoding", "") else self.rfile.read(length)
        status = next((code for one, code in hub.fails.items() if named.startswith(one)), None)
        if status is not None:
            return self._say(status, {"error": f"planted {status}"})
        answer = self._route(path, body)
        if any(named.startswith(one) for one in hub.loses):
            return self._cut()
        if isinstance(answer, tuple):
            return self._say(*answer)
        return self._say(200, answer)

    def _cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _chunks(self):
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _say(self, status, answer, headers=None):
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(raw))} | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)
        return

    def _known(self):
        return self.headers.get("authorization") == f"Bearer {TOKEN}"

    def _route(self, path, body):
        hub = self.server
        if found := re.fullmatch(r"/lfs/(\w+)", path):
            return self._object(found[1], body)
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(found[1], found[3])
        if not self._known():
            return (
                401,
                {"error": "Invalid username or password."},
                {"X-Error-Message": "Invalid credentials in Authorization header"},
            )
        if path == "/api/whoami-v2":
            orgs = [{"name": name, "roleInOrg": "write"} for name in hub.orgs]
            token = {"type": "access_token", "accessToken": {"displayName": "standin", "role": hub.role}}
            return {"type": "user", "name": "tester", "orgs": orgs, "auth": token}
        if path == "/api/validate-yaml":
            return self._card(json.loads(body)["content"])
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self._batch(json.loads(body))
        if path == "/lfs-verify":
            asked = json.loads(body)
            return (
                (200, {}) if len(hub.objects.get(asked["oid"], b"")) == asked["size"] else (404, {"error": "no object"})
            )
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(.*))?", path):
            return self._model(found[1], found[2] or "", body)
        return 404, {"error": f"no such address: {path}"}

    def _card(self, content):
        _, front, _ = content.split("---\n", 2)
        tree = yaml.safe_load(front)
        wrong = [f'"{key}" is required' for key in ("license", "base_model") if key not in tree]
        index = tree.get("model-index", [])
        wrong += ["model-index has no name" for one in index if not one.get("name")]
        wrong += [
            "a metric has no value"
            for one in index
            for result in one["results"]
            for m in result["metrics"]
            if "value" not in m
        ]
        errors = [{"message": text} for text in wrong]
        return (400 if errors else 200), {"errors": errors, "warnings": []}

    def _create(self, asked):
        hub = self.server
        name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
        if name in hub.repos:
            return 409, {"error": "You already created this model repo", "url": f"{hub.url}/{name}"}
        hub.repos[name] = Repo(asked.get("visibility") == "private")
        self._shown(name)
        return {"url": f"{hub.url}/{name}", "name": name}

    def _shown(self, name):
        if not self.server.repos[name].private:
            self.server.showed.append(dict(self.server.repos[name].files))

    def _model(self, name, rest, body):
        repo = self.server.repos.get(name)
        if repo is None:
            return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
        if rest == "" or rest.startswith("revision/"):
            names = [{"rfilename": file} for file in repo.files]
            return {"id": name, "modelId": name, "sha": repo.sha, "private": repo.private, "siblings": names}
        if rest.startswith("tree/"):
            assert parse_qs(urlsplit(self.path).query)["recursive"] == ["true"]
            return [self._entry(repo, file) for file in sorted(repo.files)]
        if rest.startswith("preupload/"):
            return {"files": [self._mode(repo, asked) for asked in json.loads(body)["files"]]}
        if rest.startswith("commit/"):
            return self._commit(name, repo, [json.loads(line) for line in body.splitlines()])
        if rest == "settings":
            repo.private = json.loads(body)["visibility"] == "private"
            self._shown(name)
            return {}
        if rest.startswith("xet-write-token/"):
            expires = int(time.time()) + 3600
            headers = {"X-Xet-Cas-Url": self.server.store, "X-Xet-Access-Token": "xet"}
            return 200, {"accessToken": "xet", "exp": expires, "casUrl": self.server.store}, headers
        return 404, {"error": f"no such address: {rest}"}

    def _entry(self, repo, path):
        content = repo.files[path]
        entry = {"type": "file", "path": path, "size": len(content), "oid": git_hash(content)}
        if path in repo.large:
            kept = repo.large[path]
            entry |= {"oid": git_hash(kept["oid"].encode()), "size": kept["size"], "lfs": {**kept, "pointerSize": 134}}
        return entry

    def _mode(self, repo, asked):
        path = asked["path"]
        large = path.endswith(".safetensors") or asked["size"] >= _LFS_FROM
        content = repo.files.get(path)
        there = None
        if content is not None:
            there = repo.large[path]["oid"] if path in repo.large else git_hash(content)
        return {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": there}

    def _batch(self, asked):
        hub, found = self.server, []
        for one in asked["objects"]:
            answer = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in hub.objects:
                upload, verify = {"href": f"{hub.url}/lfs/{one['oid']}"}, {"href": f"{hub.url}/lfs-verify"}
                answer["actions"] = {"upload": upload, "verify": verify}
            found.append(answer)
        return {"transfer": "basic", "objects": found}

    def _object(self, oid, body):
        if hashlib.sha256(body).hexdigest() != oid:
            return 400, {"error": "the content has another hash"}
        self.server.objects[oid] = body
        self.server.received += len(body)
        return {}

    def _commit(self, name, repo, lines):
        header, *operations = lines
        if header["value"].get("parentCommit") not in (None, repo.sha):
            return 412, {"error": "A commit has happened since. Please refresh and try again."}
        files, large = dict(repo.files), dict(repo.large)
        for one in operations:
            kind, value = one["key"], one["value"]
            if kind == "deletedFile":
                del files[value["path"]]
                large.pop(value["path"], None)
            elif kind == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif value["oid"] in self.server.objects or self._in_store(value["oid"]):
                files[value["path"]] = self.server.objects.get(value["oid"], b"")
                large[value["path"]] = {"oid": value["oid"], "size": value["size"]}
            else:
                return 422, {"error": f"LFS object {value['oid']} is not there"}
        repo.files, repo.large = files, large
        repo.commits.append(hashlib.sha1(json.dumps(lines).encode() + repo.sha.encode()).hexdigest())
        self._shown(name)
        return {"success": True, "commitOid": repo.sha, "commitUrl": f"{self.server.url}/{name}/commit/{repo.sha}"}

    def _in_store(self, oid):
        """Whether Xet's store has a file of this SHA-256: its shards hold it, each eight bytes turned round."""
        words = bytes.fromhex(oid)
        turned = b"".join(words[at : at + 8][::-1] for at in range(0, 32, 8))
        shards = Path(self.server.store.removeprefix("local://")).rglob("shards/*.mdb") if self.server.store else []
        return any(turned in shard.read_bytes() for shard in shards)

    def _file(self, name, path):
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and not self._known()):
            return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
        if path not in repo.files:
            return 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"}
        content = repo.files[path]
        large = path in repo.large
        tag = repo.large[path]["oid"] if large else git_hash(content)
        headers = {"X-Repo-Commit": repo.sha, "ETag": f'"{tag}"', "Content-Type": "application/octet-stream"}
        if large:
            headers |= {"X-Linked-Etag": f'"{tag}"', "X-Linked-Size": str(len(content))}
        return 200, content, headers
