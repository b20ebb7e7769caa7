"""What Inspect finds of warmtune by its entry point: the shipped benchmarks as tasks, and the engine as a provider."""

from collections.abc import Callable
from typing import Any

from inspect_ai import Task, task

from warmtune.config.compose import benchmark_names
from warmtune.evaluation.inspect_tasks import outside_task
from warmtune.models.provider import WarmtuneAPI

__all__ = ["TASKS", "WarmtuneAPI"]


def _registered(name: str) -> Callable[..., Task]:
    @task(name=name)
    def benchmark(**options: Any) -> Task:
        return outside_task(name, **options)

    return benchmark


TASKS = {name: _registered(name) for name in benchmark_names()}
"""For `inspect eval warmtune/NAME --model ...`."""
