"""The estimates of `warmtune plan`: requests, memory, time and cost of a recipe. Making them costs nothing."""

from dataclasses import replace
from typing import TYPE_CHECKING

from warmtune.io.schemas import CONVERSATIONS, Conversation, read
from warmtune.models.base import load_tokenizer
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.stages import run_stages

if TYPE_CHECKING:
    from warmtune.evaluation import EvaluationSize
    from warmtune.rewriting import Estimate
    from warmtune.training.training_plan import TrainingPlan


def plan_rewriting(run: RunContext) -> "Estimate":
    """Prepare the data and return what rewriting it will take. No model is asked."""
    from warmtune.models.chat_template import encode
    from warmtune.rewriting import estimate, total

    s, tokenizer = run.settings, load_tokenizer(run.base)
    journals = run.journals
    conversations = _prepared(run)
    styles = [
        replace(s.style, intensity=intensity)
        for intensity in dict.fromkeys((s.style.intensity, *s.rewriter.shared_intensities))
    ]
    return total(
        [
            estimate(conversations, style, s.rewriter, s.seed, journals, lambda text: len(encode(tokenizer, text)))
            for style in styles
        ]
    )


def plan_training(run: RunContext) -> "TrainingPlan":
    """Prepare the data and return what training on it will take. Nothing is trained."""
    from warmtune.training.training_plan import plan

    s = run.settings
    return plan(_prepared(run), run.base, s.train, s.launch, run.train_seed)


def plan_evaluation(run: RunContext) -> "EvaluationSize":
    """Return how many questions and prompts the evaluation has."""
    from warmtune.evaluation import evaluation_size

    return evaluation_size(run.settings.eval, run.settings.seed)


def _prepared(run: RunContext) -> list[Conversation]:
    if "prepare" not in run.done:
        run_stages(run, "prepare")
    return read(run.done["prepare"].folder / CONVERSATIONS, Conversation)
