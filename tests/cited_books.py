"""A catalogue of small commands on scikit-learn's digits, as a book of its own has it."""

from experiments import results
from experiments.cited.catalogue import Command, Step, steps

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
