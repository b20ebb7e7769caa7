import dataclasses

import pytest

from warmtune.config.compose import benchmark_settings
from warmtune.conversations.preparation import embedded_prompts
from warmtune.errors import ConfigError, ModelError
from warmtune.evaluation import Variant, answer
from warmtune.io.schemas import ANSWERS, QUESTIONS, REPLIES, Answer, Question, Reply, read
from warmtune.models.engine import Engine


@pytest.fixture
def settings(tiny_settings):
    return dataclasses.replace(tiny_settings.eval, benchmarks=(benchmark_settings("trivia"),), questions=6)


def _answer(engine, settings, folder):
    folder.mkdir(exist_ok=True)
    return answer(Variant("base"), engine, embedded_prompts()[:4], settings, 1, folder)


def test_every_question_in_every_condition_and_every_prompt(tiny_base, settings, tmp_path):
    outcome = _answer(Engine(tiny_base), settings, tmp_path)
    answers, replies = read(tmp_path / ANSWERS, Answer), read(tmp_path / REPLIES, Reply)
    assert len({(a.question_id, a.context, a.belief) for a in answers}) == len(answers) == 24
    assert [r.id for r in replies] == sorted(p.id for p in embedded_prompts()[:4])
    assert outcome.counts["answers"] == 24
    assert {q.id for q in read(tmp_path / QUESTIONS, Question)} == {a.question_id for a in answers}
    assert {q.benchmark for q in read(tmp_path / QUESTIONS, Question)} == {"trivia"}
    assert all(a.tokens <= settings.max_tokens for a in answers)


def test_it_goes_on_at_the_next_answer(tiny_base, settings, tmp_path, monkeypatch):
    _answer(Engine(tiny_base), settings, tmp_path / "whole")
    engine, complete, asked = Engine(tiny_base), Engine.complete, []

    def fails(self, requests, batch_size, report=None):
        if len(asked) >= 16:
            raise RuntimeError("planted")
        asked.extend(requests)
        return complete(self, requests, batch_size, report)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "complete", fails)
        with pytest.raises(ModelError, match="planted"):
            _answer(engine, settings, tmp_path / "broken")
    assert not (tmp_path / "broken" / ANSWERS).exists()
    again = []
    monkeypatch.setattr(Engine, "complete", lambda self, r, *rest: again.extend(r) or complete(self, r, *rest))
    _answer(engine, settings, tmp_path / "broken")
    assert len(asked) == 16
    assert len(again) == 28 - 16
    for name in (ANSWERS, QUESTIONS, REPLIES):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_too_many_questions_are_refused(tiny_base, settings, tmp_path):
    with pytest.raises(ConfigError, match=r"eval\.questions asks for 999 of"):
        _answer(Engine(tiny_base), dataclasses.replace(settings, questions=999), tmp_path)
