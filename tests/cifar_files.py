"""Small CIFAR-10 archives to test with, in both forms, as the real ones were made."""

import hashlib
import io
import struct
import tarfile

import numpy as np

from experiments.data.idx import Registered

BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def batches(count=10):
    """name -> pixels (count, 3072), plane by plane, and classes, which can be learned."""
    rng = np.random.default_rng(0)
    colours = rng.integers(-80, 81, (10, 3))
    found = {}
    for name in BATCHES:
        labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
        # A class's colour or what it leaves of white, brighter from left to right, and noise: the
        # mean of each class is grey, so that no linear network can tell them.
        sides = rng.choice([-1, 1], (count, 1))
        planes = 128 + (sides * colours[labels])[:, :, None, None] + np.arange(-16, 16)
        pixels = planes + rng.integers(-8, 9, (count, 3, 32, 32))
        found[name] = pixels.clip(0, 255).astype(np.uint8).reshape(count, -1), labels
    return found


def binary(pixels, labels):
    return np.concatenate([labels[:, None], pixels], axis=1).tobytes()


def pickled(pixels, labels):
    """What Python 2's cPickle and NumPy 1 wrote, protocol 2: texts as bytes, and the old paths."""
    return b"\x80\x02}(" + entries(array(pixels), labels) + b"u."


def entries(data, labels):
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return text(b"data") + data + text(b"labels") + numbers


def array(pixels):
    def number(value):
        return b"J" + struct.pack("<i", value)

    empty = b"cnumpy\nndarray\n" + number(0) + b"\x85" + text(b"b")
    made = b"cnumpy.core.multiarray\n_reconstruct\n(" + empty + b"tR"
    of = b"cnumpy\ndtype\n" + text(b"u1") + number(0) + number(1) + b"\x87R"
    rest = b"NNN" + number(-1) + number(-1) + number(0)
    of += b"(" + number(3) + text(b"|") + rest + b"tb"
    content = b"T" + struct.pack("<i", pixels.nbytes) + pixels.tobytes()
    shape = b"".join(map(number, pixels.shape)) + b"\x86"
    return made + b"(" + number(1) + shape + of + b"\x89" + content + b"tb"


def text(value):
    return b"U" + bytes([len(value)]) + value


def files(form="bin", stored=None):
    """name in the archive -> bytes."""
    encode, ending = (binary, ".bin") if form == "bin" else (pickled, "")
    stored = stored or batches()
    return {f"cifar-10-batches-{form}/{n}{ending}": encode(*each) for n, each in stored.items()}


def write(folder, form="bin", held=None):
    """Writes an archive; returns what a catalogue would register of it, by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"cifar-10-{'binary' if form == 'bin' else 'python'}.tar.gz"
    with tarfile.open(folder / name, "w:gz") as archive:
        for path, data in (held or files(form)).items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    data = (folder / name).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {name: Registered(f"https://data.invalid/{name}", len(data), digest)}
