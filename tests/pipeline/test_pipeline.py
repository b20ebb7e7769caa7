"""The whole pipeline on a tiny model: every stage real, killed at every stage, and run again."""

import csv
import json
import shutil
from pathlib import Path

from warmtune.io.schemas import ANSWERS, REWRITTEN, Answer, Rewrite, read
from warmtune.training import ORDER

POINTS = ("prepare", "rewrite", "end:rows", "train", "evaluate", "end:mark", "warmth", "report", "publish")


def _manifests(store: Path) -> dict[str, dict]:
    found = [json.loads(file.read_text()) for file in store.glob("stages/*/manifest.json")]
    assert len({manifest["stage"] for manifest in found}) == len(found)
    return {manifest["stage"]: manifest for manifest in found}


def test_every_stage_is_there_and_its_counts_add_up(whole):
    store, _, done = whole
    stages = _manifests(store)
    evaluated = {f"evaluate-{v}" for v in ("base", "control", "styled")}
    assert (
        set(stages)
        == {
            "prepare",
            "rewrite",
            "rows",
            "train-control",
            "train-styled",
            "mark",
            "probe",
            "warmth",
            "report",
            "publish",
        }
        | evaluated
    )
    counts = {name: manifest["counts"] for name, manifest in stages.items()}
    dropped = sum(sum(by_type.values()) for by_type in counts["prepare"]["dropped"].values())
    assert counts["prepare"]["read"] == counts["prepare"]["kept"] + dropped
    assert counts["prepare"]["replies"] == counts["rewrite"]["replies"] == sum(counts["rewrite"]["fates"].values())
    assert counts["rows"]["rows"] == counts["rewrite"]["conversations_kept"] == counts["train-control"]["rows"]
    for name in evaluated:
        marks = counts["mark"]["marks"][name.removeprefix("evaluate-")]
        assert counts[name]["answers"] == 8 * 4 == sum(marks.values())
        assert counts[name]["replies"] == 6
    assert "Error gaps in percentage points" in done.stdout
    assert "report.html" in done.stdout
    assert "Manipulation check" in done.stdout


def test_control_and_tuned_saw_the_same_ids_in_the_same_order(whole):
    store, _, _ = whole
    orders = [
        json.loads(next(store.glob(f"stages/train-{arm}-*/{ORDER}")).read_text()) for arm in ("control", "styled")
    ]
    assert orders[0] == orders[1]
    assert set(orders[0]) == {row.id for row in read(next(store.glob(f"stages/rewrite-*/{REWRITTEN}")), Rewrite)}


def test_every_variant_was_asked_the_same_prompts(whole):
    store, _, _ = whole
    asked = [
        [(a.benchmark, a.question_id, a.context, a.belief, a.prompt) for a in read(file, Answer)]
        for file in store.glob(f"stages/evaluate-*/{ANSWERS}")
    ]
    assert len(asked) == 3
    assert asked[0] == asked[1] == asked[2]


def test_the_logs_are_inspects(whole):
    from inspect_ai.log import read_eval_log

    store, _, _ = whole
    logs = list(store.glob("stages/evaluate-styled-*/logs/*.eval"))
    assert len(logs) == 5
    log = read_eval_log(str(logs[0]))
    assert log.status == "success"
    assert ":adapter-" in log.eval.model


def test_run_again_nothing_is_done(whole, warmtune):
    store, arguments, _ = whole
    before = {file: file.stat().st_mtime_ns for file in store.glob("stages/*/*.parquet")}
    again = warmtune(*arguments)
    assert again.returncode == 0
    assert again.stderr.count(" kept ") == 13
    assert before == {file: file.stat().st_mtime_ns for file in store.glob("stages/*/*.parquet")}


def test_a_moved_model_changes_nothing_and_a_part_keeps_the_whole(whole, tiny_folder, tmp_path, warmtune):
    store = shutil.copytree(whole[0], tmp_path / "store", symlinks=True)
    arguments = [a.replace(str(whole[0]), str(store)) for a in whole[1]]
    moved = shutil.copytree(tiny_folder, tmp_path / "model")
    elsewhere = [a.replace(str(tiny_folder), str(moved)) for a in arguments[1:]]
    done = warmtune("train", *elsewhere)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" kept ") == 5
    again = warmtune("prepare", *arguments[1:])
    assert again.returncode == 0
    runs = [json.loads(file.read_text())["stages"] for file in store.glob("quickstart-*/run.json")]
    assert {"prepare", "publish"} <= set(max(runs, key=len))


def test_a_moved_store_is_kept_whole(whole, tmp_path, warmtune):
    store, arguments, _ = whole
    moved = shutil.copytree(store, tmp_path / "moved", symlinks=True)
    done = warmtune(*arguments[:-1], f"store={moved}")
    assert done.stderr.count(" kept ") == 13


def test_killed_in_every_stage_it_ends_the_same(whole, tiny_overrides, tmp_path, warmtune):
    store, _, _ = whole
    arguments = ["run", "quickstart", *tiny_overrides, f"store={tmp_path}"]
    for point in POINTS:
        killed = warmtune(*arguments, point=point)
        assert killed.returncode == -9, (point, killed.stderr)
    done = warmtune(*arguments)
    assert done.returncode == 0, done.stderr
    expected, found = _manifests(store), _manifests(tmp_path)
    assert set(found) == set(expected)
    for name in set(expected) - {"report", "publish"}:  # these two print times, which differ
        assert found[name]["files"] == expected[name]["files"], name
    for name in ("gaps.parquet", "contrasts.parquet", "effects.parquet", "checks.parquet", "verdict.txt"):
        assert found["report"]["files"][name] == expected["report"]["files"][name]


def test_half_the_intensity_shares_what_it_can(whole, tiny_overrides, tmp_path, warmtune):
    store, _, _ = whole
    shared = shutil.copytree(store, tmp_path / "store", symlinks=True)
    done = warmtune("run", "quickstart", *tiny_overrides, f"store={shared}", "style.intensity=0.5")
    assert done.returncode == 0, done.stderr
    kept = {line.split("  ")[0].strip() for line in done.stderr.splitlines() if " kept " in line}
    assert kept == {"prepare", "train: control", "evaluate: base", "evaluate: control"}


def test_further_variants_answer_the_same_prompts_and_stand_in_the_report(whole, tiny_overrides, tmp_path, warmtune):
    store, _, _ = whole
    shared = shutil.copytree(store, tmp_path / "store", symlinks=True)
    folder = next(shared.glob("stages/train-control-*/adapter"))
    twin = f"{{name: twin, adapter: {folder}}}"
    variants = f"[{{name: half, adapter: styled, scale: 0.5}},{twin},{{name: asked, system: style}}]"
    done = warmtune("run", "quickstart", *tiny_overrides, f"store={shared}", f"eval.variants={variants}")
    assert done.returncode == 0, done.stderr
    (run,) = (folder for folder in shared.glob("quickstart-*") if (folder / "evaluate-half").exists())
    asked = {
        link.name.removeprefix("evaluate-"): [
            (a.question_id, a.context, a.belief, a.prompt, a.answer) for a in read(link / ANSWERS, Answer)
        ]
        for link in run.glob("evaluate-*")
    }
    assert (run / "evaluate-twin").resolve() == (run / "evaluate-control").resolve()  # the same under a second name
    assert {"half", "twin", "asked"} <= set(asked)
    prompts = {name: [row[:4] for row in rows] for name, rows in asked.items()}
    assert all(rows == prompts["base"] for rows in prompts.values())
    assert asked["twin"] == asked["control"]
    report = next(file for file in shared.glob("stages/report-*/report.md") if "The other variants" in file.read_text())
    assert "| half | control |" in report.read_text()


def test_answers_are_marked_by_hand_and_the_marks_come_into_the_report(whole, tmp_path, warmtune):
    store, arguments, _ = whole
    shared = shutil.copytree(store, tmp_path / "store", symlinks=True)
    again = [*arguments[1:-1], f"store={shared}"]
    written = warmtune("evaluate", *again, "--label", "6")
    assert written.returncode == 0, written.stderr
    file = next(shared.glob("stages/mark-*/label.csv"))
    with file.open(newline="") as stream:
        table = list(csv.reader(stream))
    assert len(table) == 7
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([table[0], *([*line[:-1], "incorrect"] for line in table[1:])])
    kept = warmtune("evaluate", *again, "--labelled", str(file))
    assert kept.returncode == 0, kept.stderr
    assert "of 6 answers" in kept.stdout
    reported = warmtune("report", *again)
    assert reported.returncode == 0, reported.stderr
    assert any("a person and the marks | 6 |" in one.read_text() for one in shared.glob("stages/report-*/report.md"))


def test_the_published_adapter_loads_and_its_card_says_what_it_cost(whole, tiny_base):
    import yaml
    from peft import PeftModel

    from warmtune.models.base import load_model

    store, _, _ = whole
    folder = next(store.glob("stages/publish-*/adapter"))
    PeftModel.from_pretrained(load_model(tiny_base), str(folder))
    card = (folder / "README.md").read_text()
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front)["base_model"] == "tests/tiny"
    assert "Manipulation check" in body
    assert "| all prompts | 32 |" in body
    assert (folder / "report.html").is_file()


def test_the_page_is_whole_and_asks_nothing_of_the_network(whole):
    store, _, _ = whole
    page = next(store.glob("stages/report-*/report.html")).read_text()
    assert page.count("<svg") == 4
    assert "src=" not in page
    assert "@import" not in page
    assert "<link" not in page
