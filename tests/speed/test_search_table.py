import io

from rich.console import Console

from experiments.speed import search_table

FIGURES = {
    "search": {
        **{"name": "rows", "num_folds": 5, "seeds": [0, 1], "rates": [0.1], "hidden": 8},
        **{"inputs": [60, 4], "batch_size": 32, "num_epochs": 40},
    },
    **{"num_networks": 10, "num_classes": 3, "num_equal": 9},
    **{"accuracy": 0.9712, "grid_search_accuracy": 0.9634},
    "seconds": {
        "population": [2.0, 1.0, 9.0],
        "fast": [0.5, 0.5, 0.5],
        "compiling": [4.0, 3.0, 5.0],
        "runs": [3.0, 3.0, 3.0],
        "grid_search": [7.0, 8.0, 6.0],
    },
    **{"ratio": 3.5, "ratio_fast": 14.0, "ratio_compiling": 1.75},
}


def test_a_search_is_shown_by_its_medians():
    out = io.StringIO()
    search_table.show(Console(file=out, width=200), FIGURES)
    text = out.getvalue()
    assert "5 folds x 2 seeds x 1 rates on rows: 10 networks of 4-8-3, Adam, batches of 32" in text
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if "│" in line
    ]
    assert rows == [
        ["train_many, compiled before", "2.00 s", "1.00 to 9.00", "1.00"],
        ["the same in fast mode", "0.50 s", "0.50 to 0.50", "0.25"],
        ["train_many, compiling too", "4.00 s", "3.00 to 5.00", "2.00"],
        ["train, one after another", "3.00 s", "3.00 to 3.00", "1.50"],
        ["GridSearchCV(n_jobs=2)", "7.00 s", "6.00 to 8.00", "3.50"],
    ]
    assert (
        "GridSearchCV takes 3.50 times as long, 14.00 times as fast mode, 1.75 times with" in text
    )
    assert "accuracy 97.12 %, its own 96.34 %; 9 of 10 members have the bits" in text
