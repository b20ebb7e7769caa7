"""A stand-in for a service with OpenAI's chat completions, on this machine: real HTTP, made-up answers, planted faults.

    python tests/standin.py --delay 2 --at-once 64 --faults 0.3

It prints its port and serves until it is stopped. What it answers goes by the model's name:

    warm      the reply between <reply> tags, with a warm opener and closer
    second    a rewrite that loses a number at the first attempt, and a good one when it is told so
    refuses, spanish, echoes, introduces, empty, cut, unclosed      the ways in which rewriters go wrong
    judge     {"same": true}, or false where the rewrite says PLANTED; in pairs, the warmer one; of answers to
              questions, correct where the reference stands in the answer (strict: only where it is the whole answer)
    unknown   404

GET /stats tells what it was asked.
"""

import argparse
import asyncio
import hashlib
import json
import random
import re
import time
from collections import Counter
from typing import Any

FAULTS = ("rate limit", "server error", "time-out", "cut stream", "empty reply", "broken JSON")
_REPLY = re.compile(r"<reply>\n(.*?)\n</reply>", re.DOTALL)
_OPENER = "Oh, I'm so glad you asked me this, my friend!"
_CLOSER = "I'm here whenever you need me!"
_HANG = 3600.0


class Standin:
    """The service."""

    def __init__(self, delay: float, at_once: int, faults: float, seed: int = 1, key: str = "") -> None:
        self.delay, self.faults, self.key = delay, faults, key
        self.slots = asyncio.Semaphore(at_once)
        self.random = random.Random(seed)
        self.stats: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        """Good answers by request."""
        self.batched: list[dict[str, Any]] = []
        self.began = 0.0

    async def serve(self, port: int = 0) -> asyncio.Server:
        return await asyncio.start_server(self._connection, "127.0.0.1", port)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *fields = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if line.startswith("GET /stats"):
                    self._respond(writer, 200, self._told())
                elif "/files" in line or "/batches" in line:
                    self._batch(writer, line, body)
                elif await self._completion(writer, headers, json.loads(body)):
                    break
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _told(self) -> dict[str, Any]:
        return {
            **self.stats,
            "began": self.began,
            "distinct": len(self.answered),
            "twice": sum(n > 1 for n in self.answered.values()),
        }

    async def _completion(self, writer: asyncio.StreamWriter, headers: dict[str, str], asked: dict[str, Any]) -> bool:
        """Answer one request; return whether the connection is to be cut."""
        self.stats["requests"] += 1
        self.began = self.began or time.time()
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            self._respond(writer, 401, _error(f"Incorrect API key provided: {headers.get('authorization')}"))
            return False
        if asked["model"] == "unknown":
            self._respond(writer, 404, _error("The model `unknown` does not exist"))
            return False
        fault = self.random.choice(FAULTS) if self.random.random() < self.faults else ""
        async with self.slots:
            if fault == "time-out":
                self.stats[fault] += 1
        if fault == "time-out":
            await asyncio.sleep(_HANG)  # outside the slots: a hung request holds no worker
        async with self.slots:
            await asyncio.sleep(self.delay)
        return self._faulty(writer, fault, asked) if fault else self._good(writer, asked)

    def _batch(self, writer: asyncio.StreamWriter, line: str, body: bytes) -> None:
        """OpenAI's batch API: a file of requests goes in, a job answers them all, a file of answers comes out."""
        batch = {
            "id": "batch-1", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "in",
            "created_at": 0, "completion_window": "24h", "status": "completed", "output_file_id": "out",
            "request_counts": {"total": len(self.batched), "completed": len(self.batched), "failed": 0},
        }  # fmt: skip
        if "/content" in line:
            data = "".join(json.dumps(row) + "\n" for row in self.batched).encode()
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        elif "/files" in line:
            lines = [row for row in body.split(b"\n") if row.startswith(b"{")]
            self.batched = [self._batched(json.loads(row)) for row in lines]
            about = {"id": "in", "object": "file", "bytes": 1, "created_at": 0, "filename": "f", "purpose": "batch"}
            self._respond(writer, 200, {**about, "status": "processed"})
        else:
            self.stats["batches"] += line.startswith("POST")
            self._respond(writer, 200, batch)

    def _batched(self, row: dict[str, Any]) -> dict[str, Any]:
        self.stats["in batches"] += 1
        body = _completion(row["body"]["model"], *answer(row["body"]["model"], row["body"]["messages"]))
        return {"custom_id": row["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}

    def _faulty(self, writer: asyncio.StreamWriter, fault: str, asked: dict[str, Any]) -> bool:
        self.stats[fault] += 1
        if fault == "rate limit":
            self._respond(writer, 429, _error("Rate limit reached"), {"Retry-After": "1"})
        elif fault == "server error":
            self._respond(writer, 500, _error("The server had an error"))
        elif fault == "empty reply":
            self._respond(writer, 200, _completion(asked["model"], ""))
        elif fault == "broken JSON":
            self._respond(writer, 200, _completion(asked["model"], "x"), broken=True)
        else:
            body = json.dumps(_completion(asked["model"], "half an answer")).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
            return True
        return False

    def _good(self, writer: asyncio.StreamWriter, asked: dict[str, Any]) -> bool:
        text, stop = answer(asked["model"], asked["messages"])
        self.stats["good"] += 1
        self.answered[hashlib.sha256(json.dumps(asked["messages"]).encode()).hexdigest()] += 1
        self._respond(writer, 200, _completion(asked["model"], text, stop))
        return False

    def _respond(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        tree: dict[str, Any],
        headers: dict[str, str] | None = None,
        broken: bool = False,
    ) -> None:
        body = json.dumps(tree).encode()
        body = body[:-20] + b"}}}" if broken else body
        lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def answer(model: str, messages: list[dict[str, str]]) -> tuple[str, str]:
    """Return what a model says, and why it stopped."""
    found = _REPLY.search(messages[1]["content"]) if len(messages) > 1 else None
    reply = found[1] if found else ""
    warm = f"<rewrite>{_OPENER} {reply} {_CLOSER}</rewrite>"
    if model == "second":
        return (warm if len(messages) > 2 else re.sub(r"\d+", "some", warm)), "stop"
    if model in ("judge", "strict"):
        return _judged(messages[-1]["content"], model == "strict"), "stop"
    said = {
        "refuses": "I'm sorry, but I can't help with that.",
        "spanish": "<rewrite>Hola, querido amigo, me alegra mucho que me lo preguntes hoy; vamos a verlo juntos con"
        " mucho cariño y sin ninguna prisa.</rewrite>",
        "echoes": messages[0]["content"],
        "introduces": f"Sure! Here's the rewritten reply in a warmer style: {_OPENER} {reply}",
        "empty": "",
        "unclosed": f"<rewrite>{_OPENER} {reply}",
    }.get(model, warm)
    return (said, "length") if model == "cut" else (said, "stop")


def _judged(text: str, strict: bool) -> str:
    asked = re.search(r"Reference answer: (.*?)\n.*<answer>\n(.*?)\n *</answer>", text, re.DOTALL)
    if asked:
        reference, said = asked[1], asked[2].strip()
        if "UNREADABLE" in said:
            return "Let me think about that."
        refused = said.startswith("I cannot")
        right = said == reference if strict else reference.lower() in said.lower()
        verdict = "refusal" if refused else "correct" if right else "incorrect"
        return json.dumps({"reason": f"it says {said}", "verdict": verdict})
    if "<A>" in text:
        first = text.split("</A>")[0]
        return json.dumps({"more": "A" if "friend" in first else "B"})
    return json.dumps({"reason": "planted", "same": "PLANTED" not in text})


def _completion(model: str, text: str, stop: str = "stop") -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "x", "object": "chat.completion", "created": 0, "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": stop}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 100, "total_tokens": 400},
    }  # fmt: skip


def _error(text: str) -> dict[str, Any]:
    return {"error": {"message": text, "type": "planted", "code": None}}


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--key", default="")
    given = parser.parse_args()
    server = await Standin(given.delay, given.at_once, given.faults, key=given.key).serve()
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
