"""Which devices train together: a mesh, by a text such as "data:4,member:2"."""

import math
import re
from collections.abc import Mapping

import jax
from jax.sharding import AxisType, Mesh

__all__ = ["AUTO", "AXES", "axes_of", "make_mesh", "text_of", "text_of_axes"]

AXES = ("data", "member", "model")  # a batch, a population and a layer are divided along these
AUTO = "auto"


def make_mesh(axes: str | None = AUTO) -> Mesh | None:
    """The devices that train together, of this process or of all where several are at work.

    Args:
      axes: the number of devices along each axis, such as "data:4" or "data:4,member:2". The
        examples of a batch are divided along "data", the networks of a population along "member",
        and the units of a layer along "model". "auto" is for all devices along "data". None is
        for the same where several processes are at work, and for no mesh where there is one.

    Returns:
      What `train(mesh=...)` takes. Where there are more devices than the mesh needs, it has as many
      of each process.

    Raises:
      ValueError: if the text is no such, or there are too few devices.

    >>> dict(make_mesh("data:1,member:1").shape)
    {'data': 1, 'member': 1}
    >>> make_mesh(None) is None
    True
    """
    if axes is None and jax.process_count() == 1:
        return None
    if axes is None or axes == AUTO:
        axes = f"data:{jax.device_count()}"
    shape = axes_of(axes)
    size, processes, there = math.prod(shape.values()), jax.process_count(), jax.devices()
    if size > len(there):
        raise ValueError(
            f"mesh needs {size} devices for {axes}, got {len(there)} of kind {there[0].device_kind}"
        )
    if size % processes:
        raise ValueError(
            f"mesh needs as many devices of each of {processes} processes, got {axes} for them all"
        )
    each: dict[int, list[jax.Device]] = {}
    for device in there:
        each.setdefault(device.process_index, []).append(device)
    if any(len(own) < size // processes for own in each.values()):
        counts = " and ".join(str(len(own)) for own in each.values())
        raise ValueError(
            f"mesh needs {size // processes} devices of each process for {axes}, got {counts}"
        )
    chosen = [device for own in each.values() for device in own[: size // processes]]
    kinds = (AxisType.Auto,) * len(shape)
    return jax.make_mesh(tuple(shape.values()), tuple(shape), kinds, devices=chosen)


def axes_of(text: str) -> dict[str, int]:
    """The number of devices along each axis, in the text's order.

    Raises:
      ValueError: if the text is not of that form.

    >>> axes_of("data:4, member:2")
    {'data': 4, 'member': 2}
    """
    found: dict[str, int] = {}
    for part in str(text).split(","):
        name, colon, number = (each.strip() for each in part.partition(":"))
        if name not in AXES:
            known = ", ".join(AXES)
            raise ValueError(f"mesh needs axes such as data:4, of {known}, got {part.strip()!r}")
        if not colon or not re.fullmatch("[1-9][0-9]{0,8}", number):
            raise ValueError(f"mesh needs a whole number of devices as {name}:4, got {part!r}")
        if name in found:
            raise ValueError(f"mesh needs each axis once, got {name} twice in {text}")
        found[name] = int(number)
    return found


def text_of(mesh: Mesh | None) -> str | None:
    """A mesh as `make_mesh` takes it.

    >>> text_of(make_mesh("auto"))
    'data:1'
    """
    if mesh is None:
        return None
    return text_of_axes(mesh.shape)


def text_of_axes(axes: Mapping[str, int]) -> str:
    """What `axes_of` reads.

    >>> text_of_axes({"data": 4, "member": 2})
    'data:4,member:2'
    """
    return ",".join(f"{name}:{size}" for name, size in axes.items())
