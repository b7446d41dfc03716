"""Scores fit a screen of 80 columns, each under its head."""

import io

import numpy as np
import pytest
from rich.console import Console

from experiments.scores import baselines, figures, screen

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(60, 3)).astype(np.float32)
TARGETS = {
    "classification": (RNG.integers(3, size=60), 3),
    "binary": (RNG.integers(2, size=60), 1),
    "multilabel": (RNG.integers(2, size=(60, 3)), 3),
    "regression": (1e3 * RNG.normal(size=60), 1),
}
HEADS = {
    "classification": ["accuracy", "95 % interval", "balanced accuracy", "macro F1", "ROC- AUC"],
    "binary": ["accuracy", "95 % interval", "balanced accuracy", "F1", "ROC- AUC"],
    "multilabel": ["all right", "95 % interval", "accuracy", "macro F1", "ROC- AUC"],
    "regression": ["mean abs. error", "95 % interval", "root mean sq. error", "R²"],
}
PROBABLE = ["log loss", "calibr. error"]


def scores_of(task):
    labels, num_outputs = TARGETS[task]
    outputs = baselines.fit(task, INPUTS[:30], labels[:30], INPUTS, num_outputs).outputs
    outputs = {"network": outputs.pop("gradient_boosting"), **outputs}
    return {name: figures.of(task, labels, each) for name, each in outputs.items()}


def text_of(shown):
    screen = io.StringIO()
    Console(file=screen, width=80).print(shown)
    return screen.getvalue()


@pytest.mark.parametrize("task", TARGETS)
def test_a_table_fits_with_every_cell(task):
    scores = scores_of(task)
    table = screen.table(scores)
    heads = [str(column.header).replace("\n", " ") for column in table.columns]
    assert heads == ["", *HEADS[task], *(PROBABLE if task != "regression" else [])]
    text = text_of(table)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for name in scores:
        assert f"\n{name.replace('_', ' ')} " in text
    assert text.startswith(" ")
    assert ("on the test set, shares in %" in text) == (task != "regression")


def test_a_row_has_the_figures_of_its_own():
    scores = {
        "network": {"accuracy": 0.975, "accuracy_low": 0.9, "accuracy_high": 0.99, "r2": None},
        "gradient_boosting": {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "r2": -2},
    }
    assert [row.style for row in screen.table(scores).rows] == ["bold", None]
    rows = [line.split() for line in text_of(screen.table(scores)).splitlines()[-2:]]
    assert rows == [
        ["network", "97.50", "90.0", "to", "99.0", "-"],
        ["gradient", "boosting", "50.00", "40.0", "to", "60.0", "-2.0000"],
    ]


def test_a_line_names_each_figure_that_is_known():
    found = {
        **{"exact_match": 0.5, "exact_match_low": 0.25, "exact_match_high": 0.75},
        **{"accuracy": 0.75, "balanced_accuracy": 0.7, "macro_f1": 0.6, "roc_auc": 0.8125},
        **{"log_loss": 1.5, "calibration_error": 0.125, "each": {}},
    }
    assert screen.line(found) == (
        "rows all right 50.00 % (95 % interval 25.0 to 75.0 %), accuracy 75.00 %, macro F1 60.00 "
        "%, ROC-AUC 0.8125, log loss 1.5000, calibration error 12.50 %"
    )
    found = {"f1": 0.5, "macro_f1": 0.25, "balanced_accuracy": 0.125, "rmse": 12345.678}
    expected = "balanced accuracy 12.50 %, F1 50.00 %, root mean squared error 12,346"
    assert screen.line(found) == expected
