"""A stand-in for the Hub of datasets: repositories with commits, and the API that the libraries ask."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class DatasetHub(ThreadingHTTPServer):
    """Datasets by name; of each its commits in order, with the files of each commit."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.commits: dict[str, dict[str, dict[str, bytes]]] = {}
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, name, **files: str) -> str:
        """Put a new commit on the main branch, and return its name."""
        kept = {"README.md": b"---\nlicense: mit\n---\n"} | {
            file.replace("_", "."): text.encode() for file, text in files.items()
        }
        sha = hashlib.sha1(repr((len(self.commits.get(name, {})), kept)).encode()).hexdigest()
        self.commits.setdefault(name, {})[sha] = kept
        return sha


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer()

    def _answer(self, body=True):
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.asked.append(f"{self.command} /{path}")
        api = path.startswith("api/")
        parts = path.removeprefix("api/").removeprefix("datasets/").split("/")
        commits = self.server.commits.get("/".join(parts[:2]))
        if commits is None:
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
        verb = parts[2] if len(parts) > 2 else ""
        revision = parts[3] if len(parts) > 3 else "main"
        sha = list(commits)[-1] if revision == "main" else revision
        if sha not in commits:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
        files = commits[sha]
        if api:
            return self._send(200, json.dumps(self._told(verb, "/".join(parts[:2]), sha, files)).encode(), {}, body)
        content = files.get("/".join(parts[4:]))
        if content is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha}, body)
        etag = hashlib.sha1(content).hexdigest()
        return self._send(200, content, {"X-Repo-Commit": sha, "ETag": f'"{etag}"'}, body)

    def _told(self, verb, name, sha, files):
        if verb in ("tree", "paths-info"):
            return [
                {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for file, content in files.items()
            ]
        siblings = [{"rfilename": file} for file in files]
        return {"_id": "0", "id": name, "sha": sha, "private": False, "tags": [], "downloads": 0, "siblings": siblings}

    def _send(self, status, content, headers, body):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)
