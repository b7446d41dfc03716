"""Meshes by a text; here there is one device, and others are made up."""

from types import SimpleNamespace

import jax
import pytest
from jax.sharding import AxisType

import jaxmlp
from jaxmlp.runtime.meshes import axes_of, make_mesh, text_of


@pytest.fixture
def devices(monkeypatch):
    """Makes up devices: so many of each process."""

    def of(*counts):
        made = [
            SimpleNamespace(process_index=process, place=place, device_kind="H100")
            for process, count in enumerate(counts)
            for place in range(count)
        ]
        monkeypatch.setattr(jax, "devices", lambda: made)
        monkeypatch.setattr(jax, "device_count", lambda: len(made))
        monkeypatch.setattr(jax, "process_count", lambda: len(counts))
        monkeypatch.setattr(
            jax,
            "make_mesh",
            lambda *given, devices: (*given[:2], [tuple(each) for each in places(devices)]),
        )

    return of


def places(devices):
    return [(each.process_index, each.place) for each in devices]


def test_a_mesh_has_its_axes_in_their_order_and_leaves_the_rest_to_the_compiler():
    mesh = jaxmlp.make_mesh("member:1, data:1")
    assert mesh.axis_names == ("member", "data")
    assert mesh.axis_types == (AxisType.Auto,) * 2
    assert text_of(mesh) == "member:1,data:1"
    assert text_of(None) is None


def test_by_default_all_devices_divide_the_batch(devices):
    devices(3)
    everything = ((3,), ("data",), [(0, 0), (0, 1), (0, 2)])
    assert make_mesh() == make_mesh("auto") == everything
    assert make_mesh(None) is None
    devices(1, 1)
    assert make_mesh(None) == make_mesh() == ((2,), ("data",), [(0, 0), (1, 0)])


def test_fewer_devices_than_there_are_come_from_all_processes_alike(devices):
    devices(4)
    assert make_mesh("data:3") == ((3,), ("data",), [(0, 0), (0, 1), (0, 2)])
    devices(4, 4)
    assert make_mesh("data:2,member:2") == (
        (2, 2),
        ("data", "member"),
        [(0, 0), (0, 1), (1, 0), (1, 1)],
    )


@pytest.mark.parametrize(
    ("counts", "axes", "said"),
    [
        ((2,), "data:4", "mesh needs 4 devices for data:4, got 2 of kind H100"),
        ((2,), "data:2,member:2", "mesh needs 4 devices for data:2,member:2, got 2 of kind H100"),
        ((2, 2), "data:3", "mesh needs as many devices of each of 2 processes, got data:3 for"),
        ((1, 3), "data:4", "mesh needs 2 devices of each process for data:4, got 1 and 3$"),
    ],
)
def test_a_mesh_that_the_devices_do_not_fit_is_refused(devices, counts, axes, said):
    devices(*counts)
    with pytest.raises(ValueError, match=f"^{said}"):
        make_mesh(axes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch:4", "mesh needs axes such as data:4, of data, member, model, got 'batch:4'"),
        ("", "mesh needs axes such as data:4, of data, member, model, got ''"),
        ("data:2,", "mesh needs axes such as .* got ''"),
        ("data", "mesh needs a whole number of devices as data:4, got 'data'"),
        ("data:0", "mesh needs a whole number of devices as data:4, got 'data:0'"),
        ("data:-1", "mesh needs a whole number"),
        ("data:1.5", "mesh needs a whole number"),
        ("data:\u0662", "mesh needs a whole number"),
        ("data:2,data:2", "mesh needs each axis once, got data twice in data:2,data:2"),
    ],
)
def test_a_text_that_is_no_mesh_is_refused(text, said):
    for work in (axes_of, make_mesh):
        with pytest.raises(ValueError, match=f"^{said}"):
            work(text)
