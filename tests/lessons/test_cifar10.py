import cifar_files
import numpy as np
import pytest
from lesson_claims import held
from matplotlib.colors import to_rgb

from experiments.data import tfds_cache
from experiments.data.cifar import CLASSES, interleaved
from experiments.lessons import cifar10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An unpacked archive of 1,200 pictures, which can be told by their colour, or its opposite."""
    folder = tmp_path_factory.mktemp("data")
    for name, data in cifar_files.files("bin", cifar_files.batches(200)).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return str(folder)


@pytest.fixture(scope="module")
def outcome(folder):
    return cifar10.teach(hidden=(64,), epochs=30, data_dir=folder)


def test_pixels_are_in_order_and_a_network_learns_them(outcome):
    assert held(outcome) == [True, True, True]
    smooth, striped = outcome.figures["apart"]
    # Two of noise from -8 to 8 differ by 5.65 in the mean; the slope adds 1 a pixel, 3 in three.
    assert 5.6 < smooth < 6 < striped < 10
    assert outcome.figures["right"]["network"].mean > 0.55
    assert [row[0] for row in outcome.tables["classes"].rows] == list(CLASSES)
    mean = np.mean(outcome.figures["by_class"]["network"])
    assert mean == pytest.approx(outcome.figures["right"]["network"].mean)


def test_the_picture_has_both_networks_and_the_channels_by_their_names(outcome):
    *pictures, bright, right, by_class = outcome.picture.axes
    titles = ["the classes, in their order", "planes taken for pixels", "the mean of each class"]
    assert [panel.get_title() for panel in pictures] == titles
    assert [patch.get_label() for patch in bright.patches] == ["red", "green", "blue"]
    assert [patch.get_edgecolor()[:3] for patch in bright.patches] == [
        to_rgb(name) for name in ("red", "green", "blue")
    ]
    for line in right.lines:
        mean = outcome.figures["right"][line.get_label()].mean
        assert line.get_ydata()[-1] == pytest.approx(100 * mean, rel=1e-5)
    widths = [patch.get_width() for patch in by_class.patches]
    np.testing.assert_allclose(widths, 100 * np.array(outcome.figures["by_class"]["network"]))
    assert [row[1:] for row in outcome.tables["classes"].rows] == [
        [f"{each:.1%}" for each in pair]
        for pair in zip(*outcome.figures["by_class"].values(), strict=True)
    ]


def test_the_channels_are_those_of_the_files(outcome):
    stored = cifar_files.batches(200)
    pixels = np.concatenate([stored[name][0] for name in cifar_files.BATCHES[:5]]) / 255
    red, green, blue = pixels.reshape(-1, 3, 1024).transpose(1, 0, 2)
    for row, channel in zip(outcome.tables["channels"].rows, (red, green, blue), strict=True):
        assert row[1:] == [f"{channel.mean():.4f}", f"{channel.std():.4f}"]


def test_planes_are_what_the_files_have():
    stored = np.random.default_rng(0).integers(0, 256, (4, 3072)).astype(np.uint8)
    np.testing.assert_array_equal(cifar10.planes(interleaved(stored)), stored)


def test_the_neighbour_is_the_pixel_to_the_right_in_the_same_colour():
    row, column, channel = np.indices((32, 32, 3))
    assert cifar10.roughness((7 * row + 3 * column + 50 * channel).reshape(1, -1)) == 3


def test_pictures_stand_beside_each_other():
    rows = np.arange(10)[:, None] * np.ones(3072)
    seen = cifar10.grid(rows)
    assert seen[::32, ::32, 0].tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_claims_fail_where_the_order_is_lost_and_nothing_is_learned(folder, monkeypatch, outcome):
    predict = cifar10.jaxmlp.predict
    monkeypatch.setattr(cifar10, "planes", lambda rows: rows)
    monkeypatch.setattr(cifar10.jaxmlp, "predict", lambda *given: 0 * predict(*given))
    monkeypatch.setattr(cifar10, "draw", lambda *_: outcome.picture)
    found = cifar10.teach(hidden=(64,), epochs=30, data_dir=folder)
    assert held(found) == [False, False, False]
    assert found.figures["right"]["network"].mean == 0.1


def test_without_the_data_it_says_what_to_put_where_before_anything_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_cache, "unreachable", lambda url: "ConnectionError")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("JAXMLP_DATA_DIR", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(cifar10.sources.NotAvailable, match=r"Put cifar-10-binary\.tar\.gz or"):
        cifar10.teach(data_dir=str(tmp_path))


def test_a_share_is_asked_for():
    with pytest.raises(ValueError, match="--least needs at most 1, got 55"):
        cifar10.teach(least=55.0)
