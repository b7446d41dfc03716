"""What keeps a network from learning by heart spares test errors, where some labels are wrong.

    python -m experiments.lessons.regularization

Of 200 digits a fifth are mislabelled. 256 hidden units learn all of it by heart, 0.1 % errors, and
err in 21.7 % of the test set. L1, L2, 16 units in their place, dropout and early stopping each save
4.5 to 8.3 % of the test set, over 16 seeds, and batch norm costs 1.6 %. Where all labels are right,
there is little harm in learning them: dropout saves 0.5 %, and batch norm 1.3 %. In the mode of
training one in five answers of the network with dropout changes from pass to pass, and with batch
norm one in seven; in evaluation none does. 67 s on two busy cores, once compiled.

Sources: Srivastava et al., Dropout, 2014; Ioffe and Szegedy, Batch Normalization, 2015; Prechelt,
Early Stopping - But When?, 1998; Zhang et al., Understanding Deep Learning Requires Rethinking
Generalization, 2017, for wrong labels.
"""

import functools

import jaxmlp
from experiments.lessons import few
from experiments.lessons.lesson import (
    Claim,
    Interval,
    Outcome,
    Table,
    interval,
    listed,
    say,
    start,
)
from jaxmlp import optimizers
from jaxmlp.optim.regularizers import regularized
from jaxmlp.statistics import compare

PENALTIES = {"L1": {"l1": 1e-3}, "L2": {"l2": 1e-2}}  # what the loss has besides
MODELS = {  # what is in place of 256 hidden units
    "16-units": jaxmlp.mlp((64, 16, 10)),
    "dropout": jaxmlp.mlp((64, 256, 10), dropout=0.5),
    "batch-norm": jaxmlp.mlp((64, 256, 10), norm="batch"),
}
NOTHING, EARLY = "nothing", "early-stopping"
KINDS = (NOTHING, *PENALTIES, *MODELS)
MODES = ("dropout", "batch-norm")  # which differ in training
HEADS = ["way", "training errors", "test errors", "test errors spared", "spared, labels right"]
PASSES = ["network", "errors, evaluation", "training", "answers changed, evaluation", "training"]


def recipe(kind: str, epochs: int) -> jaxmlp.Recipe:
    """A network, and what is done so that it learns less by heart."""
    model = MODELS.get(kind, jaxmlp.mlp((64, 256, 10)))
    adam = {"learning_rate": 1e-3, "l1": 0.0, "l2": 0.0} | PENALTIES.get(kind, {})
    how = regularized(optimizers.adam), adam, few.BATCH, epochs
    return jaxmlp.Recipe(model, jaxmlp.classification(10), *how)


def spared(runs: jaxmlp.Runs) -> dict[str, Interval]:
    """The share of the test set that each way gets right beyond nothing, seed by seed."""
    plain = runs.select(kind=NOTHING)
    pairs = {kind: ({"kind": kind}, {"kind": NOTHING}) for kind in KINDS[1:]}
    found = {n: Interval(*compare(runs, *ab, "test_accuracy")[:3]) for n, ab in pairs.items()}
    return found | {EARLY: interval(few.stopped(plain) - plain.final("test_accuracy"))}


def teach(seeds: int = 16, size: int = 200, wrong: float = 0.2, epochs: int = 15) -> Outcome:
    """Trains on few digits, and finds what helps.

    Args:
      seeds: how many networks to train of each kind, at least 2.
      size: how many digits to train on, and to stop by; at most 800.
      wrong: the share of their labels that are wrong, above 0 and below 1.
      epochs: of ten passes each.
    """
    if seeds < 2 or size > 800 or not 0 < wrong < 1:
        got = f"{seeds}, {size} and {wrong}"
        raise ValueError(f"expected 2 seeds or more, up to 800 digits, a share wrong, got {got}")
    runs = {}
    for share in (wrong, 0.0):
        say(f"{share:.0%} of labels wrong: {seeds} seeds each of {', '.join(KINDS)}")
        given = functools.partial(recipe, epochs=epochs), few.examples(size, share), range(seeds)
        runs[share] = jaxmlp.train_many(*given, {"kind": KINDS}, mode="fast")
    noisy, clean = map(spared, runs.values())
    say("the same networks in evaluation and in training")
    modes = {}
    for kind in MODES:
        trained = MODELS[kind], runs[wrong].select(kind=kind).params
        pair = few.side_by_side(*trained, few.examples(size, wrong))
        modes[kind] = [[interval(row) for row in each] for each in pair]
    train, test = (
        {kind: interval(1 - row) for kind, row in zip(KINDS, runs[wrong].final(name), strict=True)}
        for name in ("train_accuracy", "test_accuracy")
    )
    ways = {way: each for way, each in noisy.items() if way != "batch-norm"}
    heart = listed({"training": train[NOTHING], "test": test[NOTHING]})
    moved = listed({kind: changed[1] for kind, (_, changed) in modes.items()})
    claims = [
        Claim(
            f"with {wrong:.0%} of labels wrong a network learns them by heart: errors in {heart}",
            train[NOTHING].high < 0.05 < test[NOTHING].low,
        ),
        Claim(
            f"each of these spares test errors: {listed(ways)}",
            all(w.low > 0 for w in ways.values()),
        ),
        Claim(
            f"of right labels dropout and batch norm alone spare over 0.1%: {listed(clean)}",
            {way for way, each in clean.items() if each.low > 0.001} == {*MODES},
        ),
        Claim(
            f"in training a second pass answers otherwise, {moved}; in evaluation never",
            all(still.high == 0 < each.low for _, (still, each) in modes.values()),
        ),
    ]
    cells = (train, test, noisy, clean)
    rows = [
        [way, *(c[way].text(".1%") if way in c else "" for c in cells)] for way in (*KINDS, EARLY)
    ]
    both = [[kind, *(each.text(".1%") for pair in modes[kind] for each in pair)] for kind in MODES]
    tables = {"ways": Table(HEADS, rows), "modes": Table(PASSES, both)}
    errors = runs[wrong].history["test_accuracy"]
    shown = {kind: 1 - errors[KINDS.index(kind)] for kind in (NOTHING, "L2", *MODES)}
    figures = {"train": train, "test": test, "spared": noisy, "spared_right": clean, "modes": modes}
    return Outcome(claims, figures, tables, few.draw(shown, noisy, clean, modes))


if __name__ == "__main__":
    start(teach)
