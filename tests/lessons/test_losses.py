import numpy as np
import pytest
from lesson_claims import held

from experiments.lessons import classifiers, losses, outliers
from experiments.lessons.drawing import COLOURS


def teach(shares=(0, 0.4)):
    return losses.teach(seeds=60, shares=shares, networks=3, epochs=3)


@pytest.fixture(scope="module")
def outcome():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifiers, "RATES", (1.0, 3.0))
        yield teach()


@pytest.fixture
def quick(monkeypatch, outcome):
    """What was found already, in the place of what takes long; to be changed."""
    found = {"cross-entropy": [0.9, 0.8], "squared": [0.9, 0.4]}
    by_loss = {loss: np.array(found[name]) for name, loss in losses.CLASSIFIERS.items()}
    seeds = np.array([[0.0, 0.01, 0.02]] * 2)[..., None]
    monkeypatch.setattr(
        classifiers, "classify", lambda loss, *_: by_loss[loss][:, None, None] + seeds
    )
    monkeypatch.setattr(classifiers, "sure_and_wrong", lambda *_: [0.0, 0.8])
    monkeypatch.setattr(outliers, "draw", lambda *_: None)
    monkeypatch.setattr(classifiers, "draw", lambda *_: None)
    return by_loss


def test_all_claims_hold(outcome):
    assert held(outcome) == [True] * 5
    squared, huber, absolute = (found[-1].mean for found in outcome.figures["off"].values())
    assert absolute < huber < 2 < squared == pytest.approx(4.0, abs=0.3)  # 40 % of 10
    assert outcome.figures["slopes"] == pytest.approx([-0.99995, -0.00018], abs=1e-5)
    plain, large = outcome.figures["wrong"]
    assert plain < 0.02 < 0.6 < large
    texts = [found[-1].text() for found in outcome.figures["off"].values()]
    assert outcome.claims[0].text == (
        f"40% outliers drag a line off by {texts[0]} with the squared error, {texts[1]} with "
        f"Huber's and {texts[2]} with the absolute"
    )


def test_the_tables_say_what_was_found(outcome):
    tables = outcome.tables
    assert tables["lines"].columns == ["outliers", "squared", "Huber", "absolute"]
    assert [row[0] for row in tables["lines"].rows] == ["0%", "40%"]
    off = outcome.figures["off"]["Huber"]
    assert [row[2] for row in tables["lines"].rows] == [each.text() for each in off]
    assert [row[0] for row in tables["classifiers"].rows] == ["cross-entropy", "squared"]
    assert tables["classifiers"].columns[1:] == [f"initial weights times {n}" for n in (1, 10)]
    accuracy = outcome.figures["accuracy"][1]
    assert tables["classifiers"].rows[1][1:] == [each.text(".1%") for each in accuracy]
    assert accuracy[0].mean > accuracy[1].mean + 0.2
    assert [row[0] for row in tables["labels"].rows] == list(classifiers.WAYS)


def test_the_picture_has_losses_lines_and_curves(outcome):
    errors, points, off, loss, slope, accuracy = outcome.picture.axes
    at = {line.get_label(): np.interp(-3, *line.get_data()) for line in errors.lines}
    assert at == pytest.approx({"squared": 9, "Huber": 2.5, "absolute": 3}, abs=1e-3)
    ends = {line.get_label(): line.get_ydata() for line in off.lines}
    assert ends["Huber"][1] == pytest.approx(outcome.figures["off"]["Huber"][1].mean)
    assert off.lines[0].get_xdata().tolist() == [0, 40]  # %
    assert points.lines[-1].get_ydata().tolist() == [-1, 3]
    fitted = {line.get_label(): line.get_ydata() for line in points.lines}
    assert (fitted["squared"] > fitted["absolute"] + 2).all()
    assert fitted["absolute"][0] < fitted["absolute"][1]
    assert [line.get_label() for line in slope.lines] == ["cross-entropy", "squared"]
    assert (loss.lines[0].get_ydata()[0], slope.lines[0].get_ydata()[0]) == pytest.approx(
        (10, -1), abs=1e-3
    )
    assert [line.get_color() == COLOURS[i // 2] for i, line in enumerate(accuracy.lines)] == [
        False,
        True,
        False,
        True,
    ]
    last = {line.get_label(): line.get_ydata()[-1] for line in accuracy.lines}
    expected = outcome.figures["accuracy"]
    assert last["squared, weights · 10"] == pytest.approx(expected[1][1].mean)
    assert last["cross-entropy, weights · 1"] == pytest.approx(expected[0][0].mean)


def test_lines_that_are_all_the_same_are_found_out(monkeypatch, quick):
    fit = outliers.fit
    monkeypatch.setattr(
        outliers, "fit", lambda _, *points: fit(outliers.ERRORS["squared"], *points)
    )
    assert held(teach()) == [False, False, True, True, True]


def test_classifiers_that_are_alike_or_bad_from_the_start_are_found_out(quick):
    quick[classifiers.squared][1] = 0.8
    assert held(teach()) == [True, True, True, False, True]
    quick[classifiers.squared][:] = 0.4
    assert held(teach()) == [True, True, True, False, True]


def test_lines_that_are_as_good_without_outliers_are_found_out(monkeypatch, quick):
    swaying = 1 + 0.1 * (-1.0) ** np.arange(60)
    squared, huber = np.array([[1.0], [5.0]]), np.array([[0.5], [0.5]])
    further = {"squared": squared, "Huber": huber, "absolute": swaying}
    by_loss = {loss: further[name] for name, loss in outliers.ERRORS.items()}

    def fit(loss, *_):
        return np.stack(np.broadcast_arrays(2.0, 1 + by_loss[loss] * np.ones((2, 60))), axis=-1)

    monkeypatch.setattr(outliers, "fit", fit)
    assert held(teach()) == [True, False, True, True, True]


@pytest.mark.parametrize("slopes", [(0.0, 0.0), (-1.0, -1.0), (-0.5, -0.0005)])
def test_other_slopes_are_found_out(monkeypatch, quick, slopes):
    by_loss = dict(zip(losses.CLASSIFIERS.values(), slopes, strict=True))
    monkeypatch.setattr(classifiers, "slopes", lambda loss, z: (z, by_loss[loss] + 0 * z))
    assert held(teach()) == [True, True, False, True, True]


@pytest.mark.parametrize("found", [0.0, 2.0])
def test_ways_that_all_agree_or_none_are_found_out(monkeypatch, quick, found):
    monkeypatch.setattr(classifiers, "apart", lambda *_: [found, found])
    assert held(teach()) == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"seeds": 1}, "--seeds needs at least 2, got 1"),
        ({"networks": 1}, "--networks needs at least 2, got 1"),
        ({"far": 1e30}, r"--far needs at most 1e\+06, got 1e\+30"),
    ],
)
def test_what_makes_no_sense_is_said_before_any_work(given, expected):
    with pytest.raises(ValueError, match=f"^{expected}$"):
        losses.teach(**given)


@pytest.mark.parametrize("shares", [(0,), (0.1, 0.2), (0, 0.3, 0.2), (0, 0.5)])
def test_shares_begin_with_none_and_stay_below_half(shares):
    with pytest.raises(
        ValueError, match="--shares needs 0 and more that rise to less than 0.5, got"
    ):
        losses.teach(shares=shares)
