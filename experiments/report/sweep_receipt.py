"""What decides a sweep's bits, and what to type to train one of its networks again."""

import shlex
from typing import Any

from experiments.app import points
from experiments.report import commands, receipt
from experiments.report.subject import SweepSubject
from experiments.report.sweep_settings import order_of

__all__ = ["commands_of", "of"]


def of(subject: SweepSubject) -> dict[str, Any]:
    """The digests, versions, machine and settings of a sweep, and its commands."""
    job, summary = subject.job, subject.summary
    digests = {"parameters": summary["params_sha256"], "data": job.data.sha256}
    settings = {name: value for name, value in job.config.items() if name != "given"}
    return {
        **receipt.machine_of(subject.environment),
        "digests": digests,
        "seeds": {},
        "settings": receipt.texts_of(settings),
        "commands": commands_of(subject),
    }


def commands_of(subject: SweepSubject) -> list[dict[str, str]]:
    """Each command with what it does, as of `commands.of`."""
    job, runs = subject.job, subject.runs
    folder = commands.folder_text(job.path)
    best = subject.rows[order_of(subject)[0]].setting
    member = {name: best.get(name, values[0]) for name, values in runs.axes.items()}
    alone = shlex.quote(f"--member={points.as_text(member)}")
    made = [
        (
            "Train one of the networks again, alone, and compare it to the last bit"
            + (" (fast mode promises no equal bits)" if subject.summary["mode"] == "fast" else ""),
            f"python -m experiments.replay {folder} {alone}",
        ),
        ("Make this page again", f"python -m experiments.report {folder}"),
    ]
    return [{"what": what, "command": command} for what, command in made]
