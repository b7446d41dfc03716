"""Figures as a GPU's, for the tests of what shows them."""


def case(sizes, precision, members, speed, **more):
    row = {"sizes": sizes, "precision": precision, "members": members, "failed": None}
    row |= {"network_epochs_per_second": speed, "share_of_flops": 0.25, "share_of_bandwidth": 0.5}
    row |= {"planned_bytes": 3 * 2**30, "used_bytes": 2**30, "expected": 2 * speed, "chunk": 8}
    return row | {"compile_seconds": 1.0, "begin_seconds": 1.0} | more


def figures(**more):
    networks = (784, 256, 10), (784, 32, 10)
    check = {"promise": "G1", "what": "verify", "held": True, "detail": "", "seconds": 1.0}
    found = {
        "rehearsal": False,
        "date": "2026-11-22",
        "device": {"kind": "NVIDIA H100", "platform": "gpu"},
        "limits": {
            "flops": {"float32": 50e12, "tf32": 4e14},
            "bandwidth": 3e12,
            "step_seconds": 2e-5,
        },
        "alone": [
            {"what": "as it is", "flags": "", "failed": None, "epoch_seconds": 0.0213},
            {"what": "a graph", "flags": "--xla=+WHILE", "failed": "exit code 1: unknown"},
        ],
        "population": [
            case(networks[0], "float32", 8, 100.0),
            case(networks[0], "float32", 1, 20.0),
            case(networks[0], "tf32", 8, 150.0, used_bytes=None),
            case(networks[1], "float32", 8, 300.0, expected=None),
            case(networks[1], "tf32", 8, 1.0, failed="no room"),
        ],
        "programs": [check],
        "promises": [
            {"promise": "G2", "what": "members", "held": False, "detail": "seed 3"}
            | {"process": "process 1"}
        ],
        "digests": {"process 1": "abc", "process 2": "abc"},
        "until": {
            "data": "mnist",
            "target": 0.98,
            "seconds": 0.3,
            "compile_seconds": 4.0,
            "accuracies": [0.95, 0.981],
        },
        "peers": [
            {"what": "PyTorch", "num_networks": 1, "network_epoch_seconds": 0.07}
            | {"absent": [], "failed": None},
            {"what": "ensemble", "num_networks": 64, "network_epoch_seconds": None}
            | {"absent": ["torch"], "failed": None},
            {"what": "a third", "num_networks": 1, "network_epoch_seconds": None}
            | {"absent": [], "failed": "CUDA out of memory"},
        ],
        "skipped": ["1 x 784-32-10, tf32", "promises"],
    }
    return found | more


MACHINE = {"versions": {"jax": "0.10.2", "flax": None, "nvidia-cublas-cu12": "12.9"}}
