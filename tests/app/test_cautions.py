"""What stands beside the final figures."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from report_subjects import subject
from report_sweeps import subject as sweep_subject
from rich.console import Console
from run_tables import runs_of

from experiments.app import cautions
from experiments.report import curves, facts, sweep_charts, sweep_settings

LEAK = "LEAK? <why> alone gives left away, value by value"
RISING = [0.5, 0.4, 0.45, 0.8]
ADVICE = "longer training makes it worse, and --validation_fraction=0.2 --patience=10 stops in time"


def job(patience=None, held_out=None, findings=()):
    data = SimpleNamespace(validation_inputs=held_out)
    return SimpleNamespace(config={"patience": patience}, data=data, findings=findings)


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        *((RISING, 2), ([0.4, None, 0.5], 1), ([0.4, 0.5, None], 1), ([float("nan")], 0)),
        *(([0.4], 0), ([], 0), ([0.4, 0.419], 0), ([0.4, 0.421], 1), ([-0.1, 0.2], 0)),
        ([0.4] * 18 + [0.41, 0.9], 0),  # the last tenth has one that is as low
    ],
)
def test_a_loss_that_rose_clearly_is_known_with_its_lowest_epoch(losses, best):
    assert cautions.risen(losses) == best


def test_a_run_that_went_on_for_too_long_is_told_which_flags_stop_in_time():
    said = f"the test loss was lowest after epoch 2 of 4, 0.4, and rose to 0.8: {ADVICE}"
    assert cautions.of_run(job(), RISING) == said
    ready = cautions.of_run(job(held_out=np.zeros(1)), RISING)
    assert ready.endswith("worse, and --patience=10 stops in time")
    assert cautions.of_run(job(patience=3), RISING) == cautions.of_run(job(), RISING[:2]) == ""


def test_a_sweeps_networks_that_did_are_counted():
    runs = runs_of({"seed": (0, 1, 2)}, [RISING, RISING, RISING[:2] * 2])
    assert cautions.of_sweep(job(), runs) == (
        f"the test loss of 2 of 3 networks rose before the end: {ADVICE}"
    )
    assert cautions.of_sweep(job(patience=3), runs) == ""
    assert cautions.of_sweep(job(), runs._replace(history={})) == ""
    assert cautions.of_sweep(job(), runs_of({"seed": (0,)}, [[0.5, 0.4]])) == ""


def test_leaks_and_a_risen_loss_are_shown_at_the_end():
    screen = io.StringIO()
    console = Console(file=screen, width=40, force_terminal=True, highlight=False)
    cautions.show(console, job(findings=("churn: text", LEAK)), "[risen]")
    red, yellow = screen.getvalue().splitlines()
    assert (LEAK in red, "\x1b[1;31m" in red) == (True, True)
    assert ("[risen]" in yellow, "\x1b[33m" in yellow) == (True, True)


def test_a_page_has_both(tmp_path):
    made = subject(tmp_path)
    lines = [{"epoch": i + 1, "test_loss": loss} for i, loss in enumerate(RISING)]
    made = made._replace(lines=lines, job=made.job._replace(findings=("a text", LEAK)))
    assert facts.of(made)["verdict"] == [LEAK]
    assert curves.of(made)["note"].endswith(f", and rose to 0.8: {ADVICE}")
    swept = sweep_subject(tmp_path, num_seeds=1, axes={})
    history = {**swept.runs.history, "test_loss": np.float32([RISING[1:]])}
    runs = swept.runs._replace(history=history)
    swept = swept._replace(runs=runs, job=swept.job._replace(findings=(LEAK,)))
    assert sweep_settings.head(swept)["verdict"] == [LEAK]
    assert sweep_charts.curves(swept)["note"].endswith(f"the end: {ADVICE}")
