"""The devices of a run: as many as its mesh asks for, and the mesh that its record means."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
from jax.sharding import Mesh

from experiments.app import environment
from jaxmlp.runtime.meshes import AUTO, axes_of, make_mesh, text_of, text_of_axes
from jaxmlp.training.parallel import DATA, SHARDS
from jaxmlp.training.placement import has_layers_within, parts_of

if TYPE_CHECKING:  # whose flags a lesson, which starts JAX by this as well, has of its own
    from experiments.app.settings import Settings

MOST = environment.MOST_THREADS  # devices, each of which has a thread if they are a CPU's
COUNTS = [count for count in range(SHARDS, 0, -1) if SHARDS % count == 0]  # of exact mode


def prepare(
    threads: int | None,
    mesh: str | None = None,
    mode: str | None = None,
    processes: int = 1,
    is_alone: bool = True,
) -> None:
    """Starts JAX with a CPU in as many devices as a mesh asks for, and threads for all of them.

    On other machines than those of CPUs alone there are the devices that there are.

    Args:
      threads: as of `environment.use_threads`; by default those of the cores, or as many as the
        mesh has devices, in whichever processes, where these are more.
      mesh: as of `make_mesh`.
      mode: "exact" or "fast"; None for what suits the devices.
      processes: how many have a part in the mesh.
      is_alone: whether one network is trained, which exact mode cannot divide among any number.

    Raises:
      ValueError: if there would be too many, or more than threads, or as
        `environment.use_threads` does.
    """
    size = None if mesh in (None, AUTO) else math.prod(axes_of(str(mesh)).values())
    if size is not None:
        if (own := -(-size // processes)) > MOST:
            raise ValueError(f"--mesh needs at most {MOST} devices of a process, got {own}: {mesh}")
        if threads is not None and own > threads:
            raise ValueError(
                f"--mesh needs at most {threads} devices of a process with {threads} threads, by "
                f"which a run's bits are, got {mesh}: one that is to have more begins with "
                f"--threads={own}"
            )
        environment.use_devices(own)
        if threads is None and size > environment.usual_threads():
            threads = min(size, MOST)
    elif mesh == AUTO and processes == 1:
        cores = environment.usual_threads()
        is_any = mode == "fast" or not is_alone
        environment.use_devices(cores if is_any else next(n for n in COUNTS if n <= cores))
    environment.use_threads(threads)


def settled(given: "Settings", is_alone: bool = True) -> "Settings":
    """The settings with their mesh as it came about, and its mode; JAX must have started.

    Args:
      given: the settings.
      is_alone: whether they are for one network, which has a mode on a mesh alone.

    Raises:
      ValueError: if there are too few devices, or there is a mode for none.
    """
    text = given.mesh
    if text == AUTO or (text is None and jax.process_count() > 1):
        text = f"{'data' if is_alone else 'member'}:{jax.device_count()}"
    try:
        mesh = make_mesh(text)
    except ValueError as error:
        raise ValueError(f"--{error}") from error
    if mesh is None:
        if is_alone and given.mode:
            raise ValueError(
                f"--mode needs a --mesh, whose devices it is for, got --mode={given.mode} and none"
            )
        return given
    if not has_layers_within(mesh):
        raise ValueError(
            f"--mesh needs the devices along model in one process, got {text_of(mesh)} for "
            f"{jax.process_count()}: jaxmlp.train takes others"
        )
    is_exact = mesh.devices.flat[0].platform == "cpu" and parts_of(mesh) == 1
    mode = given.mode or ("exact" if is_exact else "fast")
    if mode == "exact" and (count := mesh.shape.get(DATA, 1)) not in COUNTS:
        known = ", ".join(map(str, sorted(COUNTS)))
        raise ValueError(f"--mode=exact needs one of {known} devices along data, got {count}")
    return dataclasses.replace(given, mesh=text_of(mesh), mode=mode)


def needed(config: Mapping[str, Any]) -> str | None:
    """The mesh to make a run again on, as of `make_mesh`, before JAX has started.

    In exact mode the bits are the same on 1, 2, 4 and 8 devices, and no more are asked for than
    there are cores.
    """
    return _reduced(config, environment.usual_threads())


def mesh_of(config: Mapping[str, Any]) -> Mesh | None:
    """The mesh that a record means; in exact mode with fewer devices, where fewer are here.

    Raises:
      ValueError: if there are too few of them.
    """
    try:
        return None if config["mesh"] is None else make_mesh(_reduced(config, jax.device_count()))
    except ValueError as error:
        if config["mode"] == "exact":
            raise
        raise ValueError(f"in fast mode bits are those of their mesh alone: {error}") from error


def of_member(config: Mapping[str, Any]) -> dict[str, Any]:
    """The mesh and the mode of one network of a sweep, whose devices divide its batches, or not.

    Args:
      config: the sweep's.

    >>> of_member({"mesh": "member:2,data:4", "mode": "exact"})
    {'mesh': 'data:4', 'mode': 'exact'}
    >>> of_member({"mesh": "member:8", "mode": "exact"})
    {'mesh': None, 'mode': None}
    """
    axes = axes_of(config["mesh"]) if config["mesh"] else {}
    axes.pop("member", None)
    if not axes:
        return {"mesh": None, "mode": None}
    return {"mesh": text_of_axes(axes), "mode": config["mode"]}


def described(config: Mapping[str, Any]) -> str:
    """What a network is trained on, for a reader."""
    kind = jax.devices()[0].device_kind
    return kind if config["mesh"] is None else f"{kind} {config['mesh']} in {config['mode']} mode"


def _reduced(config: Mapping[str, Any], there: int) -> str | None:
    mesh = config["mesh"]
    if mesh is None or config["mode"] != "exact":
        return mesh
    axes = axes_of(mesh)
    others = math.prod(axes.values()) // axes.get(DATA, 1)
    if DATA in axes:
        axes[DATA] = next(n for n in COUNTS if n <= max(1, min(axes[DATA], there // others)))
    return text_of_axes(axes)
