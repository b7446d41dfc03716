"""What is read of a compiled program's text."""

import jax
import jax.numpy as jnp
import pytest
from collective_bytes import Collective, collectives


@pytest.mark.parametrize(
    ("shape", "groups", "size", "devices"),
    [
        ("f32[64,32]{1,0}", "{{0,1},{2,3}}", 8192, 2),
        ("bf16[3]{0}", "[2,4]<=[8]", 6, 4),
        ("(f32[2]{0}, pred[5]{0}, s8[], /*index=3*/f64[1]{0})", "{{0,1,2}}", 22, 3),
        ("u32[1,7]{1,0}", "mesh['a'=2,'b'=4] {'b'}", 28, 4),
        ("u32[1,7]{1,0}", "mesh['a'=2,'b'=4] {'a','b'}", 28, 8),
    ],
)
def test_sizes_and_groups_are_read_in_all_their_forms(shape, groups, size, devices):
    line = (
        f"  %x.1 = {shape} all-gather(%y), channel_id=1, replica_groups={groups}, dimensions={{0}}"
    )
    assert collectives(f"HloModule\n{line}\n %z = f32[9] add(%x)") == [
        Collective("all-gather", size, devices)
    ]


def test_one_of_a_form_that_is_not_known_is_not_passed_over():
    with pytest.raises(ValueError, match="replica_groups of a known form"):
        collectives("%x = f32[2] all-reduce(%y), replica_groups=?")


def test_what_is_sent_in_a_ring():
    assert Collective("all-reduce", 80, 8).sent == 140
    assert Collective("all-gather", 80, 8).sent == 70
    assert Collective("reduce-scatter", 10, 8).sent == 70
    assert Collective("collective-permute", 80, 8).sent == 80
    assert Collective("all-reduce", 80, 1).sent == 0


def test_a_program_of_one_device_sends_nothing():
    compiled = jax.jit(lambda x: x @ x).lower(jnp.ones((4, 4))).compile()
    assert collectives(compiled.as_text()) == []
