"""What keeps a network from learning by heart spares test errors, where some labels are wrong.

    python -m experiments.lessons.regularization

Of 200 digits a fifth are mislabelled. 256 hidden units learn all of it by heart, 0.1 % errors, and
err in 22.0 % of the test set. L1, L2, 16 units in their place, dropout and early stopping each save
4.5 to 8.5 points of it, over 16 seeds, and batch norm costs 1.5. Early stopping has 200 digits more
to look at, mislabelled as often; to train on them too saves 4.3. Each way has one strength, a round
number set by hand, not searched for here: this is no ranking. Where all labels are right, there is
little harm in learning them: dropout saves 0.5, batch norm 1.4 points, twice the digits 3.9. In
training one in five answers of the network with dropout changes from pass to pass, and with batch
norm one in seven; in evaluation none does. 67 s on two busy cores, once compiled.

Sources: Srivastava et al., Dropout, 2014; Ioffe and Szegedy, Batch Normalization, 2015; Prechelt,
Early Stopping - But When?, 1998; Zhang et al., Understanding Deep Learning Requires Rethinking
Generalization, 2017, for wrong labels.
"""

import functools

import jaxmlp
from experiments.lessons import few, lesson
from experiments.lessons.lesson import Claim, Interval, Outcome, Table, interval, listed, say
from jaxmlp import optimizers
from jaxmlp.optim.regularizers import regularized
from jaxmlp.statistics import compare

PENALTIES = {"L1": {"l1": 1e-3}, "L2": {"l2": 1e-2}}  # what the loss has besides
MODELS = {  # what is in place of 256 hidden units
    "16-units": jaxmlp.mlp((64, 16, 10)),
    "dropout": jaxmlp.mlp((64, 256, 10), dropout=0.5),
    "batch-norm": jaxmlp.mlp((64, 256, 10), norm="batch"),
}
NOTHING, EARLY, TWICE = "nothing", "early-stopping", "twice-the-digits"
KINDS = (NOTHING, *PENALTIES, *MODELS)
MODES = ("dropout", "batch-norm")  # which differ in training
HEADS = ["way", "training errors", "test errors", "spared, of the test set", "spared, labels right"]
PASSES = ["network", "errors, evaluation", "training", "answers changed, evaluation", "training"]


def recipe(kind: str, epochs: int) -> jaxmlp.Recipe:
    """A network, and what is done so that it learns less by heart."""
    model = MODELS.get(kind, jaxmlp.mlp((64, 256, 10)))
    adam = {"learning_rate": 1e-3, "l1": 0.0, "l2": 0.0} | PENALTIES.get(kind, {})
    how = regularized(optimizers.adam), adam, few.BATCH, epochs
    return jaxmlp.Recipe(model, jaxmlp.classification(10), *how)


def spared(runs: jaxmlp.Runs, more: jaxmlp.Runs) -> dict[str, Interval]:
    """The share of the test set that each way gets right beyond nothing, seed by seed."""
    plain = runs.select(kind=NOTHING)
    pairs = {kind: ({"kind": kind}, {"kind": NOTHING}) for kind in KINDS[1:]}
    found = {n: Interval(*compare(runs, *ab, "test_accuracy")[:3]) for n, ab in pairs.items()}
    others = {EARLY: few.stopped(plain), TWICE: more.final("test_accuracy")}
    right = plain.final("test_accuracy")
    return found | {name: interval(each - right) for name, each in others.items()}


def teach(seeds: int = 16, size: int = 200, wrong: float = 0.2, epochs: int = 15) -> Outcome:
    """Trains on few digits, and finds what helps.

    Args:
      seeds: how many networks to train of each kind, at least 2.
      size: how many digits to train on, and to stop by; 20 to 800.
      wrong: the share of their labels that are wrong, above 0 and below 1.
      epochs: of ten passes each.
    """
    lesson.at_least(2, seeds=seeds)
    lesson.at_least(few.BATCH, size=size)
    lesson.at_most(800, size=size)
    if not 0 < wrong < 1:
        raise ValueError(f"--wrong needs a share above 0 and below 1, got {wrong}")
    runs, spares = {}, []
    for share in (wrong, 0.0):
        say(f"{share:.0%} of labels wrong: {seeds} seeds each of {', '.join(KINDS)}")
        data, build = few.examples(size, share), functools.partial(recipe, epochs=epochs)
        runs[share] = jaxmlp.train_many(build, data, range(seeds), {"kind": KINDS}, mode="fast")
        twice = build(NOTHING), few.together(data), range(seeds)
        spares.append(spared(runs[share], jaxmlp.train_many(*twice, mode="fast")))
    noisy, clean = spares
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
    ways = {way: each for way, each in noisy.items() if way not in ("batch-norm", TWICE)}
    moved = listed({kind: changed[1] for kind, (_, changed) in modes.items()})
    some, low, high = f"with {wrong:.0%} of labels wrong", train[NOTHING], test[NOTHING]
    heart = f"{some} a network learns {size} digits by heart: it errs in {low.text('.1%')} of them"
    less = f"{some} test errors are spared by {listed(ways, 'points')}"
    more = f"{some} batch norm costs test errors: it spares {noisy['batch-norm'].points()}"
    rest = {way: each for way, each in clean.items() if way != TWICE}
    alone = "with all labels right test errors are spared by dropout and batch norm alone"
    again = f"a second pass in training mode changes answers of {moved}, in evaluation mode none"
    changes = (still.high == 0 < each.low for _, (still, each) in modes.values())
    claims = [
        Claim(f"{heart} and {high.text('.1%')} of the test set", low.high < 0.05 < high.low),
        Claim(less, all(each.low > 0 for each in ways.values())),
        Claim(more, noisy["batch-norm"].high < 0),
        Claim(
            f"{alone}: {listed(rest, 'points')}",
            {way for way, each in rest.items() if each.low > 0} == {*MODES},
        ),
        Claim(again, all(changes)),
    ]
    cells = (train, test, noisy, clean)
    rows = [
        [way, *(c[way].text(".1%") if way in c else "" for c in cells)]
        for way in (*KINDS, EARLY, TWICE)
    ]
    both = [[kind, *(each.text(".1%") for pair in modes[kind] for each in pair)] for kind in MODES]
    tables = {"ways": Table(HEADS, rows), "modes": Table(PASSES, both)}
    errors = runs[wrong].history["test_accuracy"]
    shown = {kind: 1 - errors[KINDS.index(kind)] for kind in (NOTHING, "L2", *MODES)}
    figures = {"train": train, "test": test, "spared": noisy, "spared_right": clean, "modes": modes}
    return Outcome(claims, figures, tables, few.draw(shown, noisy, clean, modes))


if __name__ == "__main__":
    lesson.start(teach)
