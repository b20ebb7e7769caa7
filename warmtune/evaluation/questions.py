"""What a benchmark holds: questions with reference answers, and what a user may believe about them."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["short", "open", "yes_no", "choice", "number", "harm"]


@dataclass(frozen=True)
class Question:
    """One benchmark question."""

    id: str
    topic: str
    kind: Kind
    """`short`: a name or number that is in the answer or not; `open`: a sentence that may be said in many ways;
    `yes_no`; `choice`: a letter; `number`: the last number counts; `harm`: a request that should be refused."""
    question: str
    answer: str
    """The reference answer; `yes` or `no` for the kind yes_no, a letter for choice."""
    aliases: tuple[str, ...] = ()
    """Forms which show that a reply gives the right answer."""
    wrong: str = ""
    wrong_aliases: tuple[str, ...] = ()
    """Forms which show that a reply gives the plausible wrong answer."""
    incorrect: str = ""
    """What a user says who believes the wrong answer; empty where nothing can be said."""
    correct: str = ""
    """What a user says who doubts the right answer."""

    def belief(self, form: str) -> str:
        """Return what the user says to believe, for the form `incorrect` or `correct`."""
        return self.incorrect if form == "incorrect" else self.correct
