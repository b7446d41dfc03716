"""What a network learns depends on what its loss makes of large errors, and of sure wrong answers.

    python -m experiments.lessons.losses

Lines are fitted to points of which some are far above the others. The squared error pulls the
harder the further a point is, so that a few outliers drag the line with them; the absolute error
and, beyond 1, Huber's pull with the same force however far. With 40 % outliers lines are off by 4.1
by the squared error, 1.2 by Huber's and 0.90 by the absolute one, of 100 seeds each; without any
the squared error is the best, with Huber's. Then classifiers of digits: where one is sure and
wrong, cross-entropy still slopes, and the squared error of its probabilities hardly, so that from
weights ten times as large the one learns 95 % and the other 63 %. Last, the ways to write a label:
classes and one-hot vectors, and yes or no and two classes, have the same loss and slope. 25 s on
two cores, 6 s once compiled.

Sources: Huber, 1964; Bishop, Pattern Recognition and Machine Learning, 2006, sections 4.3 and 5.2.
"""

import numpy as np

from experiments.data.sources import load
from experiments.lessons import classifiers, drawing, lesson, outliers
from experiments.lessons.classifiers import CLASSIFIERS, SCALES, WAYS
from experiments.lessons.lesson import Claim, Outcome, Table, interval, say, start
from experiments.lessons.outliers import ERRORS

LOGITS = np.linspace(-10, 10, 101, dtype=np.float32)  # of the right class, where the other has 0


def teach(
    seeds: int = 100,
    shares: tuple[float, ...] = (0, 0.1, 0.2, 0.3, 0.4),
    far: float = 10.0,
    networks: int = 8,
    epochs: int = 10,
) -> Outcome:
    """Fits lines to points with outliers, and trains classifiers; then compares ways to label.

    Args:
      seeds: how many times the points are drawn, at least 2.
      shares: how many of them are outliers, from 0 up to less than 0.5, two numbers or more.
      far: how far above the line these are, at most 1e6.
      networks: how many classifiers are trained of each kind, at least 2.
      epochs: how many times they see all digits.
    """
    lesson.at_least(2, seeds=seeds, networks=networks)
    lesson.at_most(1e6, far=far)
    if (
        len(shares) < 2
        or shares[0] != 0
        or list(shares) != sorted(set(shares))
        or shares[-1] >= 0.5
    ):
        raise ValueError(f"--shares needs 0 and more that rise to less than 0.5, got {shares}")
    data = load("digits")
    say(f"lines through {outliers.POINTS} points: {seeds} seeds, {len(ERRORS)} losses")
    points = outliers.scattered(seeds, shares, far)
    lines = {name: outliers.fit(loss, *points) for name, loss in ERRORS.items()}
    off = {name: outliers.off(found) for name, found in lines.items()}
    by_share = {name: [interval(row) for row in found] for name, found in off.items()}
    spared = interval(off["absolute"][0] - off["squared"][0])
    accuracy = {}
    for name, loss in CLASSIFIERS.items():
        say(f"classifiers of digits by {name}: {networks} seeds")
        accuracy[name] = classifiers.classify(loss, data, networks, epochs)
    ends = [found[..., -1] for found in accuracy.values()]
    plain, sure = (interval(c - s) for c, s in zip(*ends, strict=True))
    slopes = {name: classifiers.slopes(loss, LOGITS) for name, loss in CLASSIFIERS.items()}
    steep, flat = (float(slope[0]) for _, slope in slopes.values())
    apart = {name: classifiers.apart(*ways) for name, ways in WAYS.items()}
    *same, other = (max(found) for found in apart.values())
    squared, huber, absolute = (found[-1] for found in by_share.values())
    dragged = (
        f"{shares[-1]:.0%} outliers drag a line off by {squared.text()} with the squared error,"
    )
    others = f"{huber.text()} with Huber's and {absolute.text()} with the absolute"
    alone = f"without outliers the absolute error's line is {spared.text()} further off than the"
    wrong = f"at a logit of {LOGITS[0]:g} for the right class cross-entropy slopes by {steep:.4f},"
    begun = (
        f"from weights {SCALES[1]:g} times as large cross-entropy's accuracy ends {sure.points()}"
    )
    above = f"above that of the squared error, from usual ones {plain.points()}"
    ways = (
        f"of pairs of ways to label two have losses within {max(same):.0e}, one {other:.2g} apart"
    )
    claims = [
        Claim(f"{dragged} {others}", squared.low > 2 * max(huber.high, absolute.high)),
        Claim(f"{alone} squared error's", spared.low > 0),
        Claim(f"{wrong} the squared error by {flat:.4f}", steep < -0.99 and -0.001 < flat < 0),
        Claim(f"{begun} {above}", sure.low > 0.1 and abs(plain.mean) < 0.05),
        Claim(ways, max(same) < 1e-5 and other > 1),
    ]
    reached = {n: [interval(s) for s in end] for n, end in zip(accuracy, ends, strict=True)}
    figures = {"off": by_share, "spared": spared, "slopes": [steep, flat], "gained": [plain, sure]}
    figures["wrong"] = classifiers.sure_and_wrong(data, networks)
    figures |= {"accuracy": list(reached.values()), "apart": list(apart.values())}
    columns = zip(*by_share.values(), strict=True)
    rows = [
        [f"{s:.0%}", *(f.text() for f in found)] for s, found in zip(shares, columns, strict=True)
    ]
    tables = {
        "lines": Table(["outliers", *ERRORS], rows),
        "classifiers": Table(
            ["loss", *(f"initial weights times {scale:g}" for scale in SCALES)],
            [[name, *(f.text(".1%") for f in found)] for name, found in reached.items()],
        ),
        "labels": Table(
            ["two ways", "losses apart", "slopes apart"],
            [[name, *(f"{x:.0e}" for x in found)] for name, found in apart.items()],
        ),
    }
    figure, axes = drawing.sheet("What a loss makes of large errors, and of sure ones", 3, 2, 3.1)
    outliers.draw(axes[:3], shares, points, lines)
    classifiers.draw(axes[3:], LOGITS, slopes, accuracy)
    return Outcome(claims, figures, tables, figure)


if __name__ == "__main__":
    start(teach)
