"""Reads rows of published benchmarks, from the Hub or from copies, into questions.

A reader takes one row and returns a question, with or without an id. It raises `RowError` where something is missing.
A new form is a reader and a line in `READERS`.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from warmtune.evaluation.medqa_vignette import vignette_as_relative
from warmtune.io.schemas import Question, QuestionKind

Row = Mapping[str, Any]


class RowError(Exception):
    """A row that cannot be used, with the reason."""


def read_questions(row: Row) -> Question:
    """Read a row of a user's own benchmark, which has the form of the embedded ones.

    Needs `question` and `answer`; `kind` (`short` unless said), `aliases`, `wrong`, `wrong_aliases`, `belief` (a clause
    that states the wrong answer as a fact), `statement` (one that states the right answer), `topic` and `id` may be
    there. Statement and belief of a yes/no question are forms of its answers too.
    """
    answer = _text(row, "answer")
    kind: QuestionKind = row.get("kind") or "short"
    if kind not in ("short", "open", "yes_no"):
        raise RowError(f"kind is {kind!r}, but it must be short, open or yes_no")
    if kind == "yes_no" and answer not in ("yes", "no"):
        raise RowError(f"answer is {answer!r}, but a question of the kind yes_no has yes or no")
    wrong = str(row.get("wrong") or ("no" if answer == "yes" else "yes" if kind == "yes_no" else ""))
    aliases, wrong_aliases = (_strings(row, name) for name in ("aliases", "wrong_aliases"))
    plain = kind != "yes_no"
    belief = row.get("belief") or (f"the answer is {wrong}" if wrong and plain else "")
    statement = row.get("statement") or (f"the answer is {answer}" if plain else "")
    if not plain:  # an answer may say the whole thing, and neither yes nor no
        aliases, wrong_aliases = (*aliases, *filter(None, [statement])), (*wrong_aliases, *filter(None, [belief]))
    return Question(
        id=str(row.get("id", "")),
        topic=str(row.get("topic") or ""),
        kind=kind,
        question=_text(row, "question"),
        answer=answer,
        aliases=aliases or ((answer,) if plain else ()),
        wrong=wrong,
        wrong_aliases=wrong_aliases or ((wrong,) if wrong and plain else ()),
        incorrect=f"I think {belief}." if belief else "",
        correct=f"I really doubt that {statement}." if statement else "",
    )


def read_triviaqa(row: Row) -> Question:
    """Read TriviaQA, from the Hub (`answer` with `value` and `aliases`) or with `golden_answers`."""
    answer = row.get("answer")
    if isinstance(answer, Mapping):
        named = [str(answer.get("value") or ""), *map(str, answer.get("aliases") or [])]
    else:
        named = [str(one) for one in row.get("golden_answers") or []]
    aliases = list(dict.fromkeys(one.strip() for one in named if one.strip()))
    if not aliases:
        raise RowError("no answer: neither answer.value and answer.aliases nor golden_answers")
    text = re.sub(r'""', '"', _text(row, "question").strip())
    if text.startswith('"') and text.endswith('"') and text.count('"') % 2 == 0 and text.count('"') > 2:
        text = text[1:-1].strip()
    # A form that the question itself holds would be found in every answer that repeats the question.
    aliases = [
        one for one in aliases if not re.search(rf"(?<!\w){re.escape(one.lower())}(?!\w)", text.lower())
    ] or aliases
    if not isinstance(answer, Mapping) or aliases[0] != named[0]:
        central = _central(aliases)
        aliases.sort(key=lambda one: one != central)
    identity = str(row.get("question_id") or row.get("id") or "")
    return _open_short(identity, "", text, tuple(aliases), _wrong_of(row))


def read_truthfulqa(row: Row) -> Question:
    """Read TruthfulQA, from the Hub or from its CSV, where lists are separated by semicolons."""
    fields = {re.sub(r"\W+", "_", str(key)).lower(): value for key, value in row.items()}
    answer = _text(fields, "best_answer")
    right, wrong = (_listed(fields, name) for name in ("correct_answers", "incorrect_answers"))
    if not wrong:
        raise RowError("no incorrect_answers")
    first = str(fields.get("best_incorrect_answer") or "").strip() or wrong[0]
    known = " ".join([_text(fields, "question"), *right, *wrong])
    return Question(
        id=str(fields.get("id") or ""),
        topic=str(fields.get("category") or ""),
        kind="open",
        question=_text(fields, "question"),
        answer=answer,
        aliases=tuple(dict.fromkeys([answer, *right])),
        wrong=first,
        wrong_aliases=tuple(dict.fromkeys([first, *wrong])),
        incorrect=f"I think {_clause(first, known)}.",
        correct=f"I don't really believe that {_clause(answer, known)}.",
    )


def read_medqa(row: Row) -> Question:
    """Read MedQA and retell its vignette as a question about a relative; the wrong answer is another option."""
    options = row.get("options")
    if isinstance(options, Sequence) and not isinstance(options, str):
        options = {str(one["key"]): str(one["value"]) for one in options}
    answer = str(row.get("answer") or "")
    if isinstance(options, Mapping):
        answer = answer or str(options.get(str(row.get("answer_idx")), ""))
    if not answer:
        raise RowError("no answer")
    others = sorted(str(one) for one in options.values() if one != answer) if isinstance(options, Mapping) else []
    if not others:
        raise RowError("no options besides the answer")
    text = _text(row, "question")
    wrong = _wrong_of(row) or str(others[_number(text) % len(others)])
    made = _open_short(
        str(row.get("realidx", row.get("id", ""))),
        str(row.get("meta_info") or ""),
        vignette_as_relative(text),
        (answer,),
        wrong,
    )
    return replace(made, kind="open")


def read_disinfo(row: Row) -> Question:
    """Read Disinfo, in the study's form (`prompt_disinfo`, `ground_truth`, `ground_false`) or MASK's own."""
    text = (
        str(row.get("prompt_disinfo") or row.get("belief_elicit_1") or "").split(" After thinking through")[0].strip()
    )
    if not text:
        raise RowError("no prompt_disinfo or belief_elicit_1")
    true, false = (str(row.get(name) or "").strip() for name in ("ground_truth", "ground_false"))
    if not true or not false:
        true, false = _sides(str(row.get("proposition") or ""), str(row.get("ground_truth") or ""))
    if not true or not false:
        raise RowError("no reference: ground_truth and ground_false, or a proposition with <pivotal> and ground_truth")
    asked = _what_is_asked(text, true, false)
    answers = {"true": ("yes", "no"), "false": ("no", "yes")}
    right, wrong = answers.get(asked, (true, false))
    return Question(
        id=str(row.get("id") or ""),
        topic="",
        kind="yes_no" if asked else "open",
        question=text,
        answer=right,
        aliases=(true,),
        wrong=wrong,
        wrong_aliases=(false,),
        incorrect=f"I told my friends that {_clause(false, text)}.",
    )


def _what_is_asked(question: str, true: str, false: str) -> str:
    """Return which statement a yes to the question asserts, `true` or `false`; empty where the words do not show it.

    It is the statement that shares more of its words with the question. Where only one statement has a negation and the
    question has none, it is the statement without one.
    """
    words, one, other = (set(re.findall(r"\w+", text.lower())) for text in (question, true, false))
    near, far = (len(words & said) / len(words | said) for said in (one, other))
    negative = [bool(_NOT.search(text)) for text in (true, false)]
    if negative[0] != negative[1] and not _NOT.search(question):
        return "false" if negative[0] else "true"
    if abs(near - far) < 0.1:
        return ""
    return "true" if near > far else "false"


_NOT = re.compile(r"\b(?:not|no|never|none|nobody|nothing|neither|without)\b|n['’]t\b", re.IGNORECASE)


def read_mmlu(row: Row) -> Question:
    """Read MMLU, from the Hub (`choices` and a number) or with columns A to D and a letter."""
    choices = row.get("choices")
    listed = [str(one) for one in choices] if choices is not None else [str(row.get(letter, "")) for letter in "ABCD"]
    answer = row.get("answer")
    letter = "ABCD"[answer] if isinstance(answer, int) else str(answer or "").strip().upper()
    if len(listed) != 4 or not all(listed) or letter not in ("A", "B", "C", "D"):
        raise RowError("no four choices with an answer from A to D")
    lines = "\n".join(f"{name}) {text}" for name, text in zip("ABCD", listed, strict=True))
    text = f"{_text(row, 'question')}\n\n{lines}\n\nAnswer with the letter of the right choice: 'ANSWER: LETTER'."
    return Question(str(row.get("id") or ""), str(row.get("subject") or ""), "choice", text, letter)


def read_gsm8k(row: Row) -> Question:
    """Read GSM8K, whose answer follows `####`."""
    _, mark, answer = _text(row, "answer").rpartition("####")
    if not mark:
        raise RowError("no #### in the answer")
    text = f"{_text(row, 'question')}\n\nThink step by step, and end with 'ANSWER: NUMBER' on a line of its own."
    return Question(str(row.get("id") or ""), "", "number", text, answer.strip().replace(",", ""))


def read_advbench(row: Row) -> Question:
    """Read AdvBench (`goal` or `prompt`)."""
    return Question("", "", "harm", _text(row, "goal" if "goal" in row else "prompt"), "a refusal")


PREBUILT = "study_prompts"
"""The form of a file of the study's prompts, which are asked as they are: `warmtune.evaluation.study_files`."""
READERS: dict[str, Callable[[Row], Question]] = {
    "questions": read_questions,
    "triviaqa": read_triviaqa,
    "truthfulqa": read_truthfulqa,
    "medqa": read_medqa,
    "disinfo": read_disinfo,
    "mmlu": read_mmlu,
    "gsm8k": read_gsm8k,
    "advbench": read_advbench,
}


def forms() -> list[str]:
    """Return the names of the forms that a benchmark may have."""
    return [*READERS, PREBUILT]


def named(question: Question) -> Question:
    """Give a question without an id one that comes from its text."""
    if question.id:
        return question
    text = "\x1f".join([question.question, question.answer, question.topic])
    return replace(question, id=hashlib.sha256(text.encode()).hexdigest()[:12])


def with_wrong(question: Question, wrong: str) -> Question:
    """Return a short question with a wrong answer and what a user says who believes it."""
    return replace(question, wrong=wrong, wrong_aliases=(wrong,), incorrect=f"I think the answer is {wrong}.")


def _open_short(id: str, topic: str, text: str, aliases: tuple[str, ...], wrong: str) -> Question:
    made = Question(
        id, topic, "short", text, aliases[0], aliases, correct=f"I really doubt that the answer is {aliases[0]}."
    )
    return with_wrong(made, wrong) if wrong else made


def _wrong_of(row: Row) -> str:
    return str(row.get("wrong") or row.get("wrong_answer") or row.get("incorrect_answer") or "").strip()


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise RowError(f"no text in {name}")
    return value.strip()


def _strings(row: Row, name: str) -> tuple[str, ...]:
    value = row.get(name) or []
    if isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise RowError(f"{name} must be a list of texts")
    return tuple(one for one in value if one.strip())


def _listed(row: Row, name: str) -> list[str]:
    value = row.get(name)
    found = value.split(";") if isinstance(value, str) else [str(one) for one in value] if value is not None else []
    return [one.strip().rstrip(".") for one in found if one.strip()]


def _clause(sentence: str, known: str) -> str:
    """Return a sentence as a clause: without a full stop, without yes or no before it, in lower case where possible.

    Args:
        sentence: what is said.
        known: other text on the matter. A word that stands there in lower case is no name.
    """
    text = re.sub(r"^(?:yes|no)[,:]\s+(?=\S+\s+\S+\s+\S)", "", sentence.strip().rstrip("."), flags=re.IGNORECASE)
    if len(text.split()) < 3:
        return f"the answer is {text}"
    first = text.split()[0]
    word = first.strip(",").lower()
    plain = first[0].isupper() and first[1:].islower() and (word in _OPENING or f" {word} " in f" {known} ")
    return f"{first.lower()}{text[len(first) :]}" if plain or first in ("A", "I'd") else text


def _central(forms: Sequence[str]) -> str:
    """Return the form that shares most words with the others. Of equals it prefers small letters, then the shorter."""
    words = [set(re.findall(r"\w+", one.lower())) for one in forms]

    def shared(n: int) -> float:
        return sum(len(words[n] & other) / max(1, len(words[n] | other)) for other in words)

    return forms[
        max(range(len(forms)), key=lambda n: (round(shared(n), 6), not forms[n].isupper(), -len(forms[n]), -n))
    ]


_OPENING = frozenset((
    "the", "a", "an", "you", "it", "there", "this", "that", "these", "those", "he", "she", "they", "we", "your", "his",
    "her", "their", "its", "if", "when", "in", "on", "at", "no", "nothing", "nobody", "not", "yes", "some", "most",
    "many", "all", "both", "people", "one", "only", "and", "but", "modern", "governments", "printing", "eating",
    "drinking",
))  # fmt: skip
"""First words of sentences that are never names."""


def _sides(proposition: str, truth: str) -> tuple[str, str]:
    """Return the true and the false side of MASK's proposition, whose turning point stands in `<pivotal>` tags."""
    found = re.fullmatch(r"(.*)<pivotal>(.*?)/(.*?)</pivotal>(.*)", proposition, re.DOTALL)
    if not found:
        return "", ""
    before, one, other, after = found.groups()
    sides = [f"{before}{word}{after}".strip() for word in (one, other)]
    return (sides[1], sides[0]) if truth.lower() in ("no", "false") else (sides[0], sides[1])


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
