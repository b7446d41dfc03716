"""Small IDX files to test with: 20 training and 10 test pictures, as MNIST's files hold them."""

import gzip
import hashlib
from pathlib import Path

import numpy as np

from experiments.data.idx import Registered

MNIST = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def arrays(first_label=0, num_classes=10):
    """Random pictures; the labels run through all classes."""
    rng = np.random.default_rng(0)
    result = []
    for count in (20, 10):
        result.append(rng.integers(0, 256, (count, 28, 28)).astype(np.uint8))
        result.append((first_label + np.arange(count) % num_classes).astype(np.uint8))
    return tuple(result)


def encode(array):
    """The bytes of an unpacked IDX file."""
    header = [0x0800 + array.ndim, *array.shape]
    return np.array(header, ">u4").tobytes() + array.tobytes()


def pack(array):
    return gzip.compress(encode(array), mtime=0)


def register(name, data):
    url = f"https://data.invalid/{name}"
    return Registered(url, len(data), hashlib.sha256(data).hexdigest())


def write(folder: Path, names=MNIST, packed=True, stored=None):
    """Writes four files; returns what a catalogue would register of them."""
    folder.mkdir(parents=True, exist_ok=True)
    registered = {}
    for name, array in zip(names, stored or arrays(), strict=True):
        data = pack(array) if packed else encode(array)
        name = f"{name}.gz" if packed else name
        (folder / name).write_bytes(data)
        registered[name] = register(name, data)
    return registered
