"""The house: an import only goes down a floor, and importing the library does nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LIBRARY = TESTS.parent / "jaxmlp"

FLOORS = [
    ["naming"],
    ["types"],
    ["keydata"],
    [
        "activations",
        "adapters",
        "bars",
        "batches",
        "checkpoint_files",
        "compilation",
        "examples",
        "initializers",
        "losses",
        "memory",
        "metrics",
        "optimizers",
        "parameters",
        "randomness",
        "receipt",
        "recompilation",
        "schedules",
        "stopping",
    ],
    ["averages"],
    ["checkpoint", "compilation_cache", "limits", "mlp", "runs", "tasks"],
    ["recipe", "statistics"],
    ["evaluation", "grid"],
    ["diagnosis", "update"],
    ["engine"],
    ["members", "training"],
    ["planning"],
    ["cohort"],
    ["population"],
]
FLOOR_OF = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}
MODULES = sorted(path.stem for path in LIBRARY.glob("*.py") if path.stem != "__init__")

OURS = {"jaxmlp"}
NEEDED = {"jax", "numpy", "optax"}
NOT_ON_IMPORT = {
    "flax",
    "orbax",
    "pandas",
    "scipy",
    "tqdm",
    "xarray",
    "zstandard",
}  # for a type checker, or inside the one function that needs it


def imports_of(module):
    """(what is imported, whether importing the module does it), for every import in a module."""
    tree = ast.parse((LIBRARY / f"{module}.py").read_text())
    later = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.FunctionDef)
        or (isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING")
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in later) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} needs absolute imports"
            if node.module == "jaxmlp":
                yield from ((f"jaxmlp.{alias.name}", node not in later) for alias in node.names)
            else:
                yield node.module, node not in later


def test_every_module_has_a_floor():
    assert sorted(FLOOR_OF) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_go_down(module):
    inner = [name.split(".")[1] for name, _ in imports_of(module) if name.startswith("jaxmlp")]
    for other in inner:
        assert FLOOR_OF[other] < FLOOR_OF[module], f"{module} imports {other}"


@pytest.mark.parametrize("module", ["__init__", *MODULES])
def test_the_library_needs_jax_numpy_and_optax_alone(module):
    allowed = OURS | NEEDED | set(sys.stdlib_module_names)
    for name, on_import in imports_of(module):
        assert name.split(".")[0] in (allowed if on_import else allowed | NOT_ON_IMPORT), name


@pytest.mark.parametrize("module", MODULES)
def test_every_module_with_a_function_has_its_twin_here(module):
    tree = ast.parse((LIBRARY / f"{module}.py").read_text())
    if any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)):
        assert (TESTS / f"test_{module}.py").exists()


def in_a_new_process(program):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=LIBRARY.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_is_light_and_changes_nothing():
    """No heavy package, no configuration touched, no output, and no device woken."""
    program = """
import sys
import jax, optax
before, loaded = dict(jax.config.values), set(sys.modules)
import jaxmlp
assert dict(jax.config.values) == before
new = {name.split(".")[0] for name in set(sys.modules) - loaded}
heavy = {"absl", "flax", "matplotlib", "orbax", "pandas", "sklearn", "tqdm", "xarray"}
heavy |= {"tensorflow", "tensorflow_datasets"}
assert not new & heavy, new & heavy
jax.config.update("jax_num_cpu_devices", 3)  # refused once a device is in use
assert jax.device_count("cpu") == 3
"""
    assert in_a_new_process(program) == ""
