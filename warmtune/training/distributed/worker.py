"""One of the processes of a launched training; accelerate starts it with the path of its job."""

import json
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from warmtune.errors import UserError


def main(file: str) -> int:
    """Carry out the job's share of this process; leave what went wrong in a file, for the one that launched it."""
    from warmtune.system import log
    from warmtune.training.distributed.job import read_job
    from warmtune.training.distributed.launch import FAILED, OUTCOME
    from warmtune.training.finetune import carry_out
    from warmtune.training.kernels.malloc import keep_freed_memory

    log.configure()
    job = read_job(Path(file))
    rank = int(os.environ.get("RANK", "0"))
    try:
        with keep_freed_memory():
            outcome = carry_out(job)
    except Exception as error:
        if not isinstance(error, UserError):
            traceback.print_exc()
        said = {"rank": rank, "kind": type(error).__name__, "message": str(error)}
        (job.folder / FAILED.format(rank=rank)).write_text(json.dumps(said))
        sys.stderr.flush()
        os._exit(2)  # the others wait in a collective operation, and leaving in good order would wait for them
    if rank == 0:
        (job.folder / OUTCOME).write_text(json.dumps(asdict(outcome)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
