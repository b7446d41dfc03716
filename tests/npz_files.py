"""An .npz file byte by byte, as NumPy would never write it."""

import io
import struct
import zipfile

import numpy as np

LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"  # begin a member's header, and its entry at the end


def npy(array):
    """The bytes of an array's file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array))
    return file.getvalue()


def claiming(shape, dtype="<f4", content=b"", version=1):
    """An array's file whose header says what it likes."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}}}".encode()
    return with_header(text, content, version)


def with_header(text, content=b"", version=1):
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + content


def write(path, members, compression=zipfile.ZIP_DEFLATED):
    """Writes (name, content) pairs; a content may be an array."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            content = content if isinstance(content, bytes) else npy(content)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, compression)
    return path


def patch(path, offset_local, offset_central, value):
    """Overwrites a little-endian field in each member's header and entry."""
    data = bytearray(path.read_bytes())
    for mark, offset in ((LOCAL, offset_local), (CENTRAL, offset_central)):
        start = data.find(mark)
        while start >= 0:
            data[start + offset : start + offset + len(value)] = value
            start = data.find(mark, start + 4)
    path.write_bytes(data)
    return path


def encrypted(path):
    return patch(path, 6, 8, b"\x01\x00")


def packed_by(path, method):
    return patch(path, 8, 10, struct.pack("<H", method))
