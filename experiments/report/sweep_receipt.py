"""What decides a sweep's bits, and what to type to train its networks again, and to ask them."""

import shlex
from typing import Any

from experiments.app import parts, points
from experiments.app.sweep_report import members
from experiments.report import commands, receipt, vote
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
    is_fast = " (fast mode promises no equal bits)" * (subject.summary["mode"] == "fast")
    made = [
        (
            f"Train all networks again, and compare every figure to the last bit{is_fast}",
            f"python -m experiments.verify {folder}",
        ),
        (
            f"Train one of the networks again, alone, and compare it to the last bit{is_fast}",
            f"python -m experiments.replay {folder} {alone}",
        ),
        *_of_networks(subject),
        ("Make this page again", f"python -m experiments.report {folder}"),
    ]
    return [{"what": what, "command": command} for what, command in made]


def _of_networks(subject: SweepSubject) -> list[tuple[str, str]]:
    """How the networks are asked; of those that were not saved, how a checkpoint's are."""
    path, config = subject.job.path, subject.job.config
    if {*map(vote.file_of, members(subject.runs))} <= vote.names_of_files(subject):
        return [("Ask all networks for an answer", commands.predict(subject.job))]
    if not (path / "checkpoints").exists() or (path / parts.FOLDER).exists():  # each its own
        return []
    program = "experiments.table" if "table" in config else "experiments.sweep"
    command = f"python -m {program} --resume --save_networks {commands.workdir(path)}"
    return [("Save the networks, which are then asked here and by experiments.predict", command)]
