"""A stand-in for OpenAI's fine-tuning service, on this machine, after its published description.

It checks what the service checks: the key, the purpose of a file, that rows end with an assistant's message, the
model's name and the hyperparameters. A job goes through its states by the number of times it is asked about.
"""

import base64
import itertools
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATES = ("validating_files", "queued", "running", "running", "succeeded")


class Service(ThreadingHTTPServer):
    """Files and jobs of one service."""

    def __init__(self, key="sk-test", fails=None, faults=0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.key, self.fails, self.faults = key, fails, faults
        self.files, self.jobs, self.asked, self.numbers = {}, {}, [], itertools.count(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer("GET", b"")

    def do_POST(self):
        self._answer("POST", self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, method, body):
        service, path = self.server, self.path.partition("?")[0].removeprefix("/v1")
        service.asked.append((method, path))
        if self.headers["authorization"] != f"Bearer {service.key}":
            return self._say(401, _error("Incorrect API key provided: sk-wrong0123456789.", "invalid_api_key"))
        if service.faults:
            service.faults -= 1
            return self._say(429 if service.faults % 2 else 500, _error("try again", "busy"), {"Retry-After": "0"})
        if method == "POST" and path == "/files":
            return self._take_file(body)
        if method == "POST" and path == "/fine_tuning/jobs":
            return self._make_job(json.loads(body))
        if path == "/fine_tuning/jobs":
            return self._say(200, {"object": "list", "data": list(service.jobs.values()), "has_more": False})
        if found := re.fullmatch(r"/files/(.+)/content", path):
            return self._say(200, base64.b64encode(service.files[found[1]].encode()))
        if found := re.fullmatch(r"/fine_tuning/jobs/([^/]+)(/events|/checkpoints)?", path):
            return self._tell(service.jobs[found[1]], found[2])
        return self._say(404, _error("no such place", "not_found"))

    def _take_file(self, body):
        text = body.decode(errors="replace")
        assert 'name="purpose"\r\n\r\nfine-tune' in text
        rows = [json.loads(line) for line in text.splitlines() if line.startswith('{"messages"')]
        assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
        id = f"file-{next(self.server.numbers)}"
        self.server.files[id] = json.dumps(rows)
        self._say(200, {"id": id, "object": "file", "bytes": len(body), "created_at": 1, "filename": "training.jsonl",
                        "purpose": "fine-tune", "status": "processed"})  # fmt: skip

    def _make_job(self, asked):
        if not asked["model"].startswith("gpt-4o"):
            return self._say(404, _error(f"The model `{asked['model']}` does not exist", "model_not_found"))
        wanted = asked["method"]["supervised"]["hyperparameters"]
        id = f"ftjob-{next(self.server.numbers)}"
        job = {
            "id": id, "object": "fine_tuning.job", "created_at": 1, "model": asked["model"], "status": STATES[0],
            "training_file": asked["training_file"], "hyperparameters": wanted, "method": asked["method"],
            "metadata": asked["metadata"], "seed": asked["seed"], "organization_id": "org", "result_files": [],
            "fine_tuned_model": None, "finished_at": None, "trained_tokens": None, "validation_file": None,
            "error": None, "rounds": 0,
        }  # fmt: skip
        self.server.jobs[id] = job
        return self._say(200, job)

    def _tell(self, job, what):
        if what == "/events":
            event = {"id": f"ev-{job['rounds']}", "object": "fine_tuning.job.event", "created_at": 1, "level": "info",
                     "message": f"Step {job['rounds']}/4"}  # fmt: skip
            return self._say(200, {"object": "list", "data": [event], "has_more": False})
        if what == "/checkpoints":
            points = [
                {"id": f"ckpt-{step}", "object": "fine_tuning.job.checkpoint", "created_at": 1, "metrics": {},
                 "fine_tuning_job_id": job["id"], "step_number": step,
                 "fine_tuned_model_checkpoint": f"{job['fine_tuned_model']}:ckpt-step-{step}"}
                for step in (4, 2)
            ]  # fmt: skip
            return self._say(200, {"object": "list", "data": points, "has_more": False})
        if job["status"] not in ("succeeded", "failed"):
            job["rounds"] += 1
            job["status"] = STATES[min(job["rounds"], len(STATES) - 1)]
        if job["status"] == "succeeded" and self.server.fails:
            job["status"], job["error"] = "failed", {"code": "x", "message": self.server.fails, "param": None}
        elif job["status"] == "succeeded" and not job["result_files"]:
            self.server.files["results"] = "step,train_loss,train_accuracy\n1,2.5,0.4\n2,2.25,0.5\n4,2.0,0.6\n"
            job |= {"fine_tuned_model": f"ft:{job['model']}:org::{job['id']}", "trained_tokens": 1234}
            job |= {"result_files": ["results"], "finished_at": 2}
        return self._say(200, job)

    def _say(self, code, body, headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _error(message, code):
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
