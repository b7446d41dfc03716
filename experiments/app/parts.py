"""What each process keeps of a sweep that several train: folders in the sweep's, one a process."""

import shutil
from pathlib import Path

from experiments.app.job import Job
from jaxmlp.runtime import coordination

FOLDER = "processes"  # in a sweep's: of each process but the first, which has the sweep's itself


def own(job: Job) -> Job:
    """The job with the folder of this process's part."""
    number, _ = coordination.numbers()
    return job._replace(path=job.path / FOLDER / str(number)) if number else job


def make(path: Path) -> None:
    """Makes the folders of all, where several are at work."""
    for number in range(1, coordination.numbers()[1]):
        (path / FOLDER / str(number)).mkdir(parents=True, exist_ok=True)


def check(path: Path, before: int | None = None) -> None:
    """Sees whether a sweep goes on in as many processes as it had.

    Args:
      path: its folder.
      before: how many, as its environment.json has it; None where that is older than the field,
        and the folders of all are there.

    Raises:
      ValueError: if there are more or fewer.
    """
    count = coordination.numbers()[1]
    if before is None:
        before = 1 + len(list((path / FOLDER).iterdir())) if (path / FOLDER).exists() else 1
    if before != count:
        raise ValueError(
            f"--resume needs as many processes as before, each with its own checkpoint: "
            f"expected {before}, got {count}"
        )


def clear(job: Job) -> None:
    """Sees to it that nothing is left of an earlier sweep in a folder that is this process's alone.

    The first process does so for the folders that it sees.

    Raises:
      ValueError: if there is something that may not be overwritten.
    """
    path = own(job).path
    if path == job.path or not path.exists() or not any(path.iterdir()):
        return
    if not job.given.overwrite:
        raise ValueError(f"--workdir needs to be new, or --overwrite, got {path} with files in it")
    shutil.rmtree(path)
