"""Run warmtune and kill it, with no chance to clean up, at one point of one stage: `kill_at.py POINT ARGUMENT...`."""

import os
import signal
import sys


def kill(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(count: int, function):
    """Let `function` work `count` times, then kill the process."""
    calls = 0

    def counted(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls > count:
            kill()
        return function(*args, **kwargs)

    return counted


def arm(point: str) -> None:
    import warmtune.runs.store as store

    if point.startswith("end:"):  # all of a stage's work is done, its manifest is not written
        finish = store._finish
        store._finish = lambda name, *rest: kill() if name == point.removeprefix("end:") else finish(name, *rest)
    elif point == "prepare":
        import warmtune.conversations.preparation as stage

        stage.write = kill
    elif point == "rewrite":
        import warmtune.models.response_cache as journal

        journal.ResponseCache.put = after(5, journal.ResponseCache.put)
    elif point == "train":
        from warmtune.training.callbacks import Progress

        Progress.on_step_begin = after(3, Progress.on_step_begin)
    elif point == "evaluate":
        from warmtune.models.engine import Engine

        Engine.complete = after(2, Engine.complete)
    elif point == "warmth":
        import warmtune.measures.sociot as sociot

        sociot.sociot = kill
    elif point == "report":
        import warmtune.reporting.build_report as stage

        stage._rendered = after(1, stage._rendered)
    elif point == "publish":
        import warmtune.publishing.publish_folder as stage

        stage._card = kill
    else:
        raise SystemExit(f"no such point: {point}")


if __name__ == "__main__":
    arm(sys.argv[1])
    from warmtune.cli.main import main

    raise SystemExit(main(sys.argv[2:]))
