"""The devices of a mesh in teams: each device, or several together, trains members of its own."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.sharding import Mesh

from jaxmlp.naming import kind_of
from jaxmlp.populations.grid import Program
from jaxmlp.runtime.compilation import Place
from jaxmlp.runtime.meshes import text_of
from jaxmlp.training.parallel import DATA, Parallel, make_parallel
from jaxmlp.training.placement import parts_of
from jaxmlp.types import Array

__all__ = [
    "MEMBER",
    "Devices",
    "Team",
    "as_team",
    "devices_of",
    "own_teams",
    "parallel_of",
    "place_of",
    "teams_of",
]

MEMBER = "member"  # the axis of a mesh along which devices train different members
Devices: TypeAlias = jax.Device | Mesh  # of a team: one, or several that are to divide each batch
Team: TypeAlias = jax.Device | Parallel  # where a member's programs run


def teams_of(mesh: Mesh | None) -> tuple[Devices, ...]:
    """The teams of a mesh.

    Args:
      mesh: along its axis "member" there are teams, each of the devices along its other axes. One
        without the axes "member" and "data" is as many teams of one. By default all devices are.
        Which devices make a team is not said by it: those of one process do, if they can.

    Raises:
      ValueError: if it is no mesh.

    >>> devices = np.array(["a", "b", "c", "d"]).reshape(2, 2)
    >>> [len(each) for each in _along(devices, 1)]
    [2, 2]
    """
    if mesh is None:
        return tuple(jax.devices())
    if not isinstance(mesh, Mesh):
        raise ValueError(
            f'mesh needs to be like jax.make_mesh((2,), ("member",)), got {kind_of(mesh)}'
        )
    names = [str(name) for name in mesh.axis_names]
    others = [name for name in names if name != MEMBER]
    if not {MEMBER, DATA} & {*names} or not others:
        return tuple(mesh.devices.flat)
    place = names.index(MEMBER) if MEMBER in names else None
    found = _along(mesh.devices, place)
    if any(len(_processes(devices)) > 1 for devices in found):  # as make_mesh may have laid them
        found = _by_process(found)
    return tuple(Mesh(devices, others) for devices in found)


def _processes(devices: np.ndarray) -> set[int]:
    return {device.process_index for device in devices.flat}


def _by_process(teams: Sequence[np.ndarray]) -> list[np.ndarray]:
    """As many teams of the same shape, each of the devices of one process as far as may be."""
    every = sorted((each for team in teams for each in team.flat), key=_process_index)
    made = np.empty(len(every), object)
    made[:] = every
    return list(made.reshape(len(teams), *teams[0].shape))


def _process_index(device: jax.Device) -> int:
    return int(device.process_index)


def _along(devices: np.ndarray, axis: int | None) -> Sequence[np.ndarray]:
    """The devices of each team."""
    return [devices] if axis is None else list(np.moveaxis(devices, axis, 0))


def devices_of(team: Devices | Team) -> list[jax.Device]:
    """Those of a team."""
    mesh = team.mesh if isinstance(team, Parallel) else team
    return list(mesh.devices.flat) if isinstance(mesh, Mesh) else [mesh]


def own_teams(teams: Sequence[Devices]) -> tuple[Devices, ...]:
    """Those of this process."""
    own = jax.process_index()
    return tuple(team for team in teams if devices_of(team)[0].process_index == own)


def as_team(devices: Devices, mode: str, programs: Sequence[Program], inputs: Array) -> Team:
    """Where the members of these programs run that a team has.

    Raises:
      ValueError: if batches cannot be divided among its devices; see `make_parallel`.
    """
    if not isinstance(devices, Mesh):
        return devices
    if parts_of(devices) > 1:
        raise ValueError(
            f"a population needs whole layers on each device, got {text_of(devices)} for a member: "
            "train divides those of one network"
        )
    found = [
        make_parallel(
            devices,
            mode,
            each.recipe.model,
            each.static.batch_size,
            inputs,
            each.recipe.task.penalty is not None,
        )
        for each in programs
    ]
    return found[0]


def place_of(team: Team) -> Place:
    """Of the arrays that a team has: on its device, or whole on each of its devices."""
    where: Any = team.everywhere if isinstance(team, Parallel) else team
    return where


def parallel_of(team: Team) -> Parallel | None:
    """How several devices of a team divide the work."""
    return team if isinstance(team, Parallel) else None
