"""What decides a result's bits, and what they are: the receipt, for a reader."""

from collections.abc import Mapping
from typing import Any

from experiments.report import commands
from experiments.report.subject import Subject

__all__ = ["machine_of", "of", "text_of", "texts_of"]


def of(subject: Subject) -> dict[str, Any]:
    """The digests, versions, machine and settings of a run, with the commands that check it."""
    job, summary = subject.job, subject.summary
    return {
        "digests": {
            "parameters": summary["params_sha256"],
            "data": job.data.sha256,
        },
        "seeds": {
            name.replace("_", " "): job.config[name]
            for name in ("seed", "noise_seed")
            if job.config.get(name) is not None
        },
        **machine_of(subject.environment),
        "settings": texts_of(job.config),
        "commands": commands.of(subject),
    }


def machine_of(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Which versions ran on what; what an older record does not say is None.

    Args:
      environment: as `jaxmlp.runtime.receipt.describe` has it.
    """
    return {
        "versions": dict(environment["versions"]),
        "machine": {
            "platform": environment.get("platform"),
            "processor": environment.get("processor"),
            "device": environment.get("device_kind"),
            "devices": environment.get("num_devices"),
            "threads": environment.get("threads"),
            "instructions": " ".join(environment.get("instructions") or ()),
        },
    }


def texts_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Settings for a reader, by their names."""
    return {name: text_of(config[name]) for name in sorted(config)}


def text_of(value: Any) -> str:
    """A setting's value in a line.

    >>> text_of([64, 32]), text_of(None), text_of(True), text_of(0.001)
    ('64, 32', 'none', 'yes', '0.001')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(text_of, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {text_of(item)}" for name, item in value.items())
    return str(value)
