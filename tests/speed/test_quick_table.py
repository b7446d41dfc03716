import io

from rich.console import Console

from experiments.speed import quick_table

FIGURES = {
    "seeds": [7, 8, 9],
    "test_accuracy": {"classic": [0.975, 0.98, 0.985], "quick": [0.9812, 0.9799, 0.98]},
    "seconds": {"classic": [4.0, 5.0, 4.0], "quick": [1.0, 1.0, 2.0]},
    "seconds_compiling": {"classic": [8.0], "quick": [6.0]},
    "num_there": 2,
    "share": {"median": 0.25, "worst": 0.5},
    "share_compiling": {"median": 0.75, "worst": 0.76},
}


def test_every_seed_is_shown_and_what_they_say_together():
    out = io.StringIO()
    quick_table.show(Console(file=out, width=200), FIGURES)
    text = out.getvalue()
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if "│" in line
    ]
    assert rows == [
        ["7", "4.00 s", "97.50%", "1.00 s", "98.12%", "0.250"],
        ["8", "5.00 s", "98.00%", "1.00 s", "97.99%", "0.200"],
        ["9", "4.00 s", "98.50%", "2.00 s", "98.00%", "0.500"],
    ]
    assert (
        "classic: 4.00 s, 8.00 s with compilation; test accuracy 98.00%, the worst seed 97.50%"
    ) in text
    assert "quick: 1.00 s, 6.00 s with compilation; test accuracy 98.00%, the worst seed" in text
    assert "quick takes 0.250 of the time, at the worst 0.500; with compilation 0.750, at" in text
    assert "2 of 3 seeds are at 98% or above" in text
