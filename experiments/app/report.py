"""What a run leaves when it ends: its summary, its receipt, its pictures."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from rich.console import Console

import jaxmlp
from experiments.app import cautions, scoring, verdict
from experiments.app.job import Job
from experiments.app.progress import format_metric
from experiments.app.traits import with_what
from experiments.folder import records, schema
from experiments.folder.files import write_json
from jaxmlp.objectives.tasks import metrics_of
from jaxmlp.runtime import receipt
from jaxmlp.types import Progress, PyTree, trained

PIECE = 8192  # examples that are answered at once where a set is larger than memory


def summarize(
    job: Job,
    progress: Progress,
    kept: tuple[PyTree, int],
    seconds: Mapping[str, float],
    outputs: np.ndarray | None = None,
) -> dict[str, Any]:
    """What summary.json says of a finished run: its figures on every example of each set.

    Args:
      job: what was done.
      progress: after the last epoch.
      kept: the parameters that are kept, and the epoch that they are of.
      seconds: spent, by purpose.
      outputs: what `answers` returns, where it is known already.
    """
    params, epoch = kept
    scored: dict[str, Any] = {}
    if scoring.is_asked(job):
        scored = scoring.of_run(job, answers(job, params) if outputs is None else outputs)
    means = {
        f"{name}_{metric}": value
        for name, examples in job.data.sets().items()
        for metric, value in jaxmlp.evaluate(
            job.recipe, params, *examples, window=job.window
        ).items()
    }
    figures = {
        **{f"num_{name}": len(labels) for name, (_, labels) in job.data.sets().items()},
        **means,
        "num_epochs": len(progress.history),
        "seed": job.config["seed"],
        "num_parameters": sum(leaf.size for leaf in jax.tree.leaves(trained(params))),
        "num_faults": len(progress.faults),
        "params_sha256": jaxmlp.digest(params),
        "params_epoch": epoch,
        "verdict": verdict.of_run(job.recipe, job.data, job.config["seed"], means, job.window),
        **scored,
    }
    return job.marked({**figures, "seconds": seconds})


def make_receipt(job: Job, digests: list[str], summary: Mapping[str, Any]) -> dict[str, Any]:
    """All that another run needs to come out with the same bits, and to see that it did.

    Args:
      job: what was done.
      digests: of the parameters after each epoch.
      summary: what summary.json says; {} before the end.
    """
    data = job.data
    record = {
        "config": dict(job.config),
        "data": {"name": data.name, "source": data.source, "sha256": data.sha256},
        "environment": receipt.describe(),
        "params_sha256": digests,
        "summary": {name: value for name, value in summary.items() if name != "seconds"},
    }
    return job.marked(record)


def write_receipt(
    job: Job, lines: Iterable[Mapping[str, Any]], summary: Mapping[str, Any] | None = None
) -> None:
    """Writes receipt.json.

    Args:
      job: what was done.
      lines: of metrics.jsonl.
      summary: what summary.json is about to say; by default what it says of these epochs.
    """
    digests = [line["params_sha256"] for line in lines]
    if summary is None and (job.path / "summary.json").exists():
        summary = schema.read(job.path / "summary.json", records.SUMMARY)
        summary = summary if summary.get("num_epochs") == len(digests) else None
    write_json(job.path / "receipt.json", make_receipt(job, digests, summary or {}))


def check_pictures() -> None:
    """Raises ValueError if no picture could be drawn, as a setting from outside can have it."""
    if backend := os.environ.get("MPLBACKEND"):  # else there is time until the pictures
        try:
            from matplotlib.rcsetup import validate_backend

            validate_backend(backend)
        except ValueError as error:
            raise ValueError(f"MPLBACKEND needs to be known to matplotlib: {error}") from error


def answers(job: Job, params: PyTree) -> np.ndarray:
    """What a network says of the test set, which is what its pictures and its page are of."""
    inputs, _ = job.data.sets()["test"]
    if job.window is None:
        return np.asarray(jaxmlp.predict(job.recipe, params, inputs))
    found = []
    for start in range(0, len(inputs), PIECE):
        rows = np.arange(start, min(start + PIECE, len(inputs)))
        found.append(np.asarray(jaxmlp.predict(job.recipe, params, inputs[rows])))
    return np.concatenate(found)


def draw(job: Job, progress: Progress, params: PyTree, outputs: np.ndarray | None = None) -> None:
    """The pictures of a run, into its plots/.

    Args:
      job: what was done.
      progress: after the last epoch.
      params: the network's.
      outputs: what `answers` returns, where it is known already.
    """
    from experiments.plots import run as plots

    folder, data = job.path / "plots", job.data
    inputs, labels = data.sets()["test"]
    folder.mkdir(exist_ok=True)
    names = progress.history[0] if progress.history else ()
    history = {name: np.array([line[name] for line in progress.history]) for name in names}
    known = metrics_of(job.recipe.task)
    what = with_what(job.recipe.model)
    plots.learning_curves(folder / "learning_curves.png", history, known, what)
    outputs = answers(job, params) if outputs is None else outputs
    kernel = np.asarray(trained(params)[0].kernel)
    if job.data.image_shape:
        plots.first_layer(folder / "first_layer.png", kernel, job.data.image_shape)
    if job.recipe.task.kind == "regression":
        plots.values(folder / "values.png", labels, outputs)
        return
    if job.recipe.task.kind == "binary":
        if outputs.shape[1] > 1:  # answers of their own are not confused with each other
            plots.answers(folder / "answers.png", labels, outputs, data.class_names)
            return
        outputs = np.concatenate([1 - outputs, outputs], axis=1)  # of no, and of yes
    guesses, classes = outputs.argmax(axis=1), data.class_names
    path = folder / "confusion_matrix.png"
    plots.confusion_matrix(path, labels, guesses, max(data.num_classes, 2), classes)
    if data.image_shape:
        path = folder / "wrong_examples.png"
        plots.wrong_examples(path, inputs, labels, outputs, data.image_shape, classes)


def conclude(
    console: Console,
    job: Job,
    summary: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Shows the figures, what is to be said of them, and where everything lies.

    Args:
      console: to print on.
      job: what was done.
      summary: what summary.json says.
      lines: of metrics.jsonl.
    """
    spent = ", ".join(f"{name} {value:.1f} s" for name, value in summary["seconds"].items())
    loss, *others = metrics_of(job.recipe.task)
    scores = "   ".join(
        f"{kind} {metric.name.replace('_', ' ')} "
        f"{format_metric(metric, summary[f'{kind}_{metric.name}'])}"
        for metric in (*others, loss)
        for kind in ("test", "train")
    )
    console.print(f"\n{scores}", style="bold", soft_wrap=True)
    scoring.show(console, summary, job.data.class_names)
    for finding, figures in summary["verdict"].items():
        text = f"THIS RUN ENDED {finding.upper()}: {figures}"
        console.print(text, style="bold red", markup=False, soft_wrap=True)
    cautions.show(console, job, cautions.of_run(job, [line.get("test_loss") for line in lines]))
    names = sorted(item.name for item in job.path.iterdir() if not item.name.startswith("."))
    console.print(
        f"{summary['num_parameters']:,} parameters, sha256 {summary['params_sha256'][:16]}...\n"
        f"{spent}\nall in {job.path}: {', '.join(names)}",
        markup=False,
        soft_wrap=True,
    )
