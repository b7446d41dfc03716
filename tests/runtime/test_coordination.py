import pytest

from jaxmlp.runtime.coordination import client, says_who


def test_a_process_alone_has_no_connection():
    assert client() is None


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("tasks that reached: 2/3. Some timed out task names:\n2\n\nRPC: 5\n", [2]),
        ("Some timed out task names:\n/job:jax_worker/replica:0/task:11\n3\n", [3, 11]),
        ("DEADLINE_EXCEEDED: Deadline Exceeded\n\nRPC", []),
    ],
)
def test_who_did_not_come_is_read_from_a_status(said, who):
    assert says_who(said) == who
