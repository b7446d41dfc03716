"""However a network is written, the same parameters give the same outputs, and learn the same.

    python -m experiments.lessons.models

One network of 64 pixels, 32 hidden units and 10 digits, written in five ways: a tuple of layers,
functions, a `Sequential` of Flax, a class of linen and one of nnx. Each keeps its 2,410 parameters
in a tree of its own. With the same numbers in them they give the same outputs, and the same call
trains them to the same figures, within rounding. What goes through such a network are tensors, each
with a rank, a shape and a dtype: cast to shorter floats, the trained parameters lose next to no
accuracy, and as whole numbers nearly all. Saved and loaded every bit is back. 20 s on two cores,
6 s once compiled.

Source: Heek et al., Flax, 2020.
"""

from typing import Any

import numpy as np
import optax
from matplotlib.figure import Figure

import jaxmlp
from experiments.data.sources import load
from experiments.lessons import drawing, forms
from experiments.lessons.lesson import Claim, Outcome, Table, at_least, interval, listed, say, start
from jaxmlp.runtime.leaves import named_leaves

BATCH = 32  # examples
RANKS = [2, 2, 1, 2, 2, 1, 1, 0]  # from the inputs to the mean loss
SUMS = ["44", "0.0", "float32", "float32", "bfloat16"]  # modulo 256, 24 bits, the wider dtype
SHOWN = [  # of the tensors, with what is in their rows and columns
    ("inputs", "examples", "pixels"),
    ("kernel", "pixels", "hidden units"),
    ("outputs", "examples", "digits"),
]
COLUMNS = "form", "first parameter", "test accuracy", "apart before training", "after"


def learn(name: str, model: jaxmlp.Model, data: jaxmlp.Dataset, seeds: int, epochs: int) -> Any:
    """The runs of a network, by the same call however it is written."""
    say(f"{name}: {seeds} seeds")
    adam = optax.adam, {"learning_rate": 0.003}
    recipe = jaxmlp.Recipe(model, jaxmlp.classification(forms.DIGITS), *adam, BATCH, epochs)
    return jaxmlp.train_many(recipe, data, range(seeds))


def teach(seeds: int = 8, epochs: int = 10) -> Outcome:
    """Trains the five, then casts, saves and loads what they learnt.

    Args:
      seeds: how many times to train each, at least 2.
      epochs: how many times they see all digits.
    """
    at_least(2, seeds=seeds)
    data, models = load("digits"), forms.five()
    inputs, labels = data.sets()["test"]
    runs = {name: learn(name, model, data, seeds, epochs) for name, model in models.items()}
    before = [forms.outputs(m, forms.beginning(m), inputs) for m in models.values()]
    after = [forms.outputs(m, runs[name].params, inputs) for name, m in models.items()]
    apart = [[float(abs(each - found[0]).max()) for each in found] for found in (before, after)]
    between = float(np.ptp(after[0], axis=0).max())
    counts = {jaxmlp.summary(model).total.parameters for model in models.values()}
    losses = {name: np.asarray(each.history["test_loss"]) for name, each in runs.items()}
    ends = np.stack([values[:, -1] for values in losses.values()])
    by_form, by_seed = (float(np.ptp(ends, axis=i).max()) for i in (0, 1))
    say("cast, saved and loaded")
    layers, learnt = models["layers"], runs["layers"]
    right = forms.shares(layers, learnt.params, inputs, labels)
    lost = {kind: interval(right["float32"] - each) for kind, each in right.items()}
    back = [forms.returns(m, runs[name].member(seed=0).params) for name, m in models.items()]
    tensors = forms.passage(layers, learnt.member(seed=0).params, inputs[:BATCH], labels[:BATCH])
    ranks = [value.ndim for value in tensors]
    many = " or ".join(f"{count:,}" for count in sorted(counts))
    same = f"{len(models)} forms have {many} parameters each, and outputs before training differ by"
    alike = f"trained alike the forms' test losses differ by {by_form:.0e} at most, by seed"
    costs = listed({name: each for name, each in lost.items() if name != "float32"}, "points")
    shorter = max(each.high for name, each in lost.items() if name != "int8") < 0.02
    added = forms.sums()
    claims = [
        Claim(f"{same} {max(apart[0]):.0e}", counts == {2410} and max(apart[0]) < 1e-5),
        Claim(f"{alike} {by_seed:.2g}", by_form < by_seed / 1000),
        Claim(f"check: tensors have the ranks {ranks}, inputs to mean loss", ranks == RANKS),
        Claim(f"check: {', '.join(map(' is '.join, added.items()))}", [*added.values()] == SUMS),
        Claim(f"accuracy lost by casting weights: {costs}", shorter and lost["int8"].low > 0.5),
        Claim(f"saved and loaded, {sum(back)} of {len(back)} forms keep every bit", all(back)),
    ]
    accuracy = [interval(each.history["test_accuracy"][:, -1]) for each in runs.values()]
    figures = {"apart": [*apart, between], "losses": [by_form, by_seed], "accuracy": accuracy}
    figures |= {"lost": list(lost.values()), "sums": list(added.values()), "batch": BATCH}
    figures["steps"] = epochs * -(-len(data.train_labels) // BATCH)
    firsts = [named_leaves(each.params)[0][0] for each in runs.values()]
    found = [each.text(".1%") for each in accuracy], *([f"{a:.0e}" for a in each] for each in apart)
    rows = list(zip(models, firsts, *found, strict=True))
    tables = {"forms": Table(COLUMNS, rows), **forms.described(layers, tensors)}
    return Outcome(claims, figures, tables, draw(losses, [*apart, between], right, tensors))


def draw(losses: dict[str, Any], apart: Any, right: dict[str, Any], tensors: Any) -> Figure:
    """The five forms side by side, what a cast costs, and tensors."""
    figure, axes = drawing.sheet("One network in five forms, and the tensors in it", 3, 2, 3.1)
    for i, (form, values) in enumerate(losses.items()):
        line: dict[str, Any] = {"lw": 9 - 2 * i, "solid_capstyle": "butt", "label": form}
        axes[0].plot(range(1, values.shape[1] + 1), values.mean(0), **line)
    axes[0].set(title="test loss, mean of seeds", xlabel="epoch", ylabel="nats")
    for when, values in zip(("before training", "after"), apart[:2], strict=True):
        axes[1].semilogy(list(losses)[1:], values[1:], "o", label=when)
    axes[1].axhline(apart[2], color=drawing.GREY, label="between seeds")
    axes[1].set(title="outputs apart from the layers'", ylabel="largest difference")
    drawing.intervals(axes[2], list(right), [interval(each) for each in right.values()])
    axes[2].set(title="test accuracy, cast to", ylim=(0, 1.03))
    for panel, (name, rows, columns) in zip(axes[3:], SHOWN, strict=True):
        tensor = np.asarray(getattr(tensors, name))
        drawing.matrix(panel, tensor, aspect="auto")
        panel.set(title=f"{name} {tensor.shape} {tensor.dtype}", xlabel=columns, ylabel=rows)
    for panel in axes[1:3]:
        panel.tick_params("x", rotation=45, labelsize=8)
    axes[0].legend(frameon=False, fontsize=7, labelspacing=1)
    axes[1].legend(frameon=False, fontsize=7)
    return figure


if __name__ == "__main__":
    start(teach)
