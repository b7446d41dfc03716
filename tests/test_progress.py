import io

from rich.console import Console

from experiments.progress import EpochTable, format_metric


def test_metrics_read_well():
    assert format_metric("test_accuracy", 0.98046) == "98.05 %"
    assert format_metric("train_loss", 0.38254) == "0.3825"
    assert format_metric("learning_rate", 1e-5) == "1e-05"
    assert format_metric("seconds", 12.345) == "12.35"
    assert format_metric("test_loss", float("nan")) == "-"


def test_each_epoch_is_a_line_below_its_names():
    out = io.StringIO()
    with EpochTable(Console(file=out, width=60), num_epochs=2, steps_per_epoch=5) as table:
        for epoch in (1, 2):
            table.step(5 * epoch)
            table.line(epoch, {"train_loss": 0.5 / epoch, "test_accuracy": 0.5}, seconds=1.0)
    lines = [line.split("  ") for line in out.getvalue().splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells == [
        ["epoch", "train loss", "test accuracy", "seconds"],
        ["1/2", "0.5000", "50.00 %", "1.00"],
        ["2/2", "0.2500", "50.00 %", "1.00"],
    ]


def test_a_terminal_gets_a_bar():
    out = io.StringIO()
    with EpochTable(Console(file=out, force_terminal=True, width=80), 2, 5) as table:
        table.step(5)
        table.line(1, {"train_loss": 0.5}, seconds=1.0)
    assert "5/10" in out.getvalue()
