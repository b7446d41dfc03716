"""What was trained on what, and what came out, in words and figures."""

from typing import Any

from experiments.app.progress import format_metric
from experiments.app.traits import traits
from experiments.report.subject import Subject
from jaxmlp.objectives.tasks import metrics_of

__all__ = ["of"]


def of(subject: Subject) -> dict[str, Any]:
    """The head of a page: its title, what it warns of, and the figures of each set."""
    job, summary = subject.job, subject.summary
    config, data = job.config, job.data
    widths = "-".join(map(str, config["sizes"]))
    return {
        "title": f"{widths} on {data.name}",
        "notice": job.notice,
        "verdict": [f"This run ended {f}: {why}" for f, why in summary["verdict"].items()],
        "what": {
            "data": f"{data.name}, from {data.source}",
            "examples": ", ".join(f"{len(y):,} {name}" for name, (_, y) in data.sets().items()),
            "task": config["task"],
            "network": ", ".join([widths, *traits(job.recipe.model).values()]),
            "parameters": f"{summary['num_parameters']:,}",
            "trained": f"{summary['num_epochs']:,} epochs in batches of {config['batch_size']:,}, "
            f"with {config['optimizer']} at {config['learning_rate']:g}, seed {config['seed']}",
        },
        "figures": figures(subject),
    }


def figures(subject: Subject) -> dict[str, Any]:
    """A table of each metric (rows) on each set (columns), the judging ones first."""
    loss, *others = metrics_of(subject.job.recipe.task)
    sets = [name for name in ("test", "validation", "train") if name in subject.job.data.sets()]
    return {
        "sets": sets,
        "rows": [
            {
                "name": metric.name.replace("_", " "),
                "values": [
                    format_metric(metric, subject.summary[f"{name}_{metric.name}"]) for name in sets
                ],
            }
            for metric in (*others, loss)
        ],
    }
