"""A catalogue of small commands on scikit-learn's digits, and one whose records are made up."""

from experiments import results
from experiments.cited import page
from experiments.cited.catalogue import Command
from experiments.cited.commands import Step, steps

SMALL = (
    *("--dataset=digits", "--seeds=0:3", "--num_epochs=2", "--hidden_sizes=16"),
    *("--noplots", "--noreport", "--save_networks"),
)
FASTER = (*SMALL, "--learning_rate=0.01")
COMMANDS = (
    Command("small", SMALL, "a small one", "To begin with.", is_first=True),
    Command("faster", FASTER, "a faster one", "To go on with.", is_ensemble=True),
)
ABLATION = (
    Step("start", "plain", (), same_as="small"),
    Step("rate", "+ a rate", ("--learning_rate=0.01",), same_as="faster"),
    Step("length", "+ length", ("--num_epochs=3",)),
)


def book_in(root):
    return results.Book(COMMANDS, steps(ABLATION, SMALL), root)


ONE = Command("one", ("--dataset=mnist", "--seeds=0:2"), "the one", "For one.", is_first=True)
TWO = Command("two", ("--dataset=mnist", "--l2=1"), "the other", "For two.", is_ensemble=True)
LAST = Command("last", ("--dataset=fashion_mnist",), "the last", "For fashion.", is_first=True)
STEP = Command("ablation_start", ("--dataset=mnist",), "plain", "")
MADE = {
    "processor": "a CPU",
    "num_cores": 2,
    "threads": 1,
    "python": "3.11",
    "versions": {"jax": "1", "jaxlib": "2", "optax": "3"},
}
RECORD = {
    "num_test": 10_000,
    "seeds": [0, 1],
    "errors": [60, 50],
    "params_sha256": ["zero", "one"],
    "train_seconds": 30.0,
    "all_params_sha256": "a" * 64,
    "data_sha256": "d" * 64,
    "environment": MADE,
}
OTHER = {
    **RECORD,
    "seeds": [4, 7, 9],
    "errors": [101, 90, 91],
    "train_seconds": 900.0,
    "all_params_sha256": "b" * 64,
    "wrong": [[*range(101)], [*range(90)], [*range(9, 100)]],
    "params_sha256": ["four", "seven", "nine"],
    "together": {
        "wrong": [*range(80)],
        "confidence": {"one": 0.995, "all": 0.9825},
        "scores": {
            "num_networks": 3,
            "together": {"accuracy": 0.992, "log_loss": 0.02, "calibration_error": 0.01},
            "one": {
                **{"accuracy": 0.9906, "accuracy_low": 0.9899, "accuracy_high": 0.991},
                **{"log_loss": 0.03, "log_loss_low": 0.025, "log_loss_high": 0.035},
                "calibration_error": 0.004,
                **{"calibration_error_low": 0.003, "calibration_error_high": 0.005},
            },
            "disagreement": 0.0125,
            "not_unanimous": 0.03,
        },
    },
}


def text_of(*arguments):
    return "\n".join(page.body(*arguments))


def rows_of(text, start):
    """The cells of the table lines that begin so."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
