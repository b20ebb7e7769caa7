"""Asks the benchmarks as Inspect tasks, marks the answers by rule and judge, and measures the warmth of replies."""

from warmtune.evaluation.answering import EvaluationSize, answer, evaluation_size, open_engine, reply_at
from warmtune.evaluation.benchmarks import data_file
from warmtune.evaluation.marking.human_labels import Label, read_labels, write_labels
from warmtune.evaluation.marking.judge import mark_answers
from warmtune.evaluation.variants import Variant, adapter_folder, tuned_by_service, variant_of
from warmtune.evaluation.warmth import measure

__all__ = [
    "EvaluationSize",
    "Label",
    "Variant",
    "adapter_folder",
    "answer",
    "data_file",
    "evaluation_size",
    "mark_answers",
    "measure",
    "open_engine",
    "read_labels",
    "reply_at",
    "tuned_by_service",
    "variant_of",
    "write_labels",
]
