import os
import pickle
import pickletools

import cifar_files
import numpy as np
import pytest

from experiments.data.idx import DataError
from experiments.data.pickles import unpickled


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *given):
        self.given = function, given

    def __reduce__(self):
        return self.given


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_arrays_and_pythons_own_come_through(protocol):
    held = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": [1, 2.5, None, True, "x", (3,)]}
    if protocol == 2:  # of which Python 3 writes bytes as a call of its codecs
        held["a"] = 0
    found = unpickled(pickle.dumps(held, protocol), "x")
    np.testing.assert_array_equal(found["a"], held["a"])
    assert found["b"] == held["b"]


def test_what_python_2_wrote_is_read():
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4)
    data = cifar_files.pickled(pixels, [3, 9])
    assert list(pickletools.genops(data))[-1][0].name == "STOP"
    found = unpickled(data, "x")
    np.testing.assert_array_equal(found[b"data"], pixels)
    assert found[b"labels"] == [3, 9]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, "system"), (eval, "eval"), (getattr, "getattr"), (np.load, "load")],
)
def test_a_call_of_anything_else_is_refused_before_it_is_made(protocol, function, name, tmp_path):
    mark = tmp_path / "made"
    data = pickle.dumps({"data": Call(function, f"touch {mark}")}, protocol)
    with pytest.raises(DataError, match=rf"^x: expected a pickle of arrays alone, got .*{name} in"):
        unpickled(data, "x")
    assert not mark.exists()


def test_an_admitted_name_of_another_module_is_refused():
    with pytest.raises(DataError, match=r"got mischief\.ndarray in it"):
        unpickled(b"cmischief\nndarray\n.", "x")


def test_a_dotted_name_below_an_admitted_one_is_refused():
    data = b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93."
    with pytest.raises(DataError, match=r"got numpy\.ndarray\.tofile in it"):
        unpickled(data, "x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"words",
        b"\x80\x02}(U\x04dataK",
        pickle.dumps([1])[:-1],
        b"cnumpy\ndtype\n)R.",
    ],
)
def test_a_damaged_one_is_one_line(data):
    with pytest.raises(DataError, match="^x: expected a whole pickle, got [A-Z]") as caught:
        unpickled(data, "x")
    assert "\n" not in str(caught.value)


def test_an_array_larger_than_memory_is_one_line():
    huge = cifar_files.array(np.zeros((1, 1), np.uint8)).replace(
        b"J\0\0\0\0\x85", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87", 1
    )
    with pytest.raises(DataError, match="^x: expected a whole pickle"):
        unpickled(b"\x80\x02" + huge + b".", "x")
