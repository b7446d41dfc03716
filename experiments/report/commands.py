"""What to type to check a run, to go on with it, and to use it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.app.job import Job
from experiments.report.subject import Subject

__all__ = ["folder_text", "of", "predict", "program", "workdir"]


def of(subject: Subject) -> list[dict[str, str]]:
    """Each command with what it does, in the words of a shell such as bash."""
    job = subject.job
    folder, config = folder_text(job.path), job.config
    made = [
        _command(
            "Train it again, and compare every figure to the last bit",
            f"python -m experiments.verify {folder}",
        )
    ]
    if config["schedule"] == "constant":  # whose length is no part of the result
        more = 2 * len(subject.lines)
        made.append(
            _command(
                f"Go on with it to {more} epochs",
                f"python -m {program(config)} --resume --num_epochs={more} {workdir(job.path)}",
            )
        )
    made += [
        _command("Ask it for an answer", predict(job)),
        _command("Make this page again", f"python -m experiments.report {folder}"),
    ]
    return made


def program(config: Mapping[str, Any]) -> str:
    """The module that trains by such a config."""
    return "experiments.table" if "table" in config else "experiments.mnist"


def predict(job: Job) -> str:
    """The command that asks a folder's networks, about a file such as they take."""
    opens = job.config.get("white", 1.0) is not None  # its pixels are as those of a file
    is_drawn = job.data.image_shape and opens and job.config["task"] != "regression"
    what = "more.csv" if "table" in job.config else "digit.png" if is_drawn else "more.npz"
    return f"python -m experiments.predict {folder_text(job.path)} {what}"


def folder_text(path: Path) -> str:
    """A folder as one word of a command, which is no flag.

    >>> folder_text(Path("runs/my run")), folder_text(Path("-x"))
    ("'runs/my run'", './-x')
    """
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def workdir(path: Path) -> str:
    """The flag that names a folder, as one word of a command."""
    return shlex.quote(f"--workdir={path}")


def _command(what: str, text: str) -> dict[str, str]:
    return {"what": what, "command": text}
