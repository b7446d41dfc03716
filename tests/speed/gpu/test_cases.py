from experiments.speed.gpu.cases import FULL, SMALL, Case, cases

WIDE, NARROW = FULL.networks


def test_every_population_is_there_once_and_the_most_important_come_first():
    found = cases(FULL)
    assert len(found) == len(set(found)) == 2 * 3 * 5
    assert found[:5] == [Case(WIDE, "float32", members) for members in (1, 8, 64, 512, 4096)]
    assert found[5:7] == [Case(WIDE, "tf32", 4096), Case(WIDE, "bfloat16", 4096)]
    assert found[7:12] == [Case(NARROW, "float32", members) for members in (1, 8, 64, 512, 4096)]
    assert found[12:14] == [Case(NARROW, "tf32", 4096), Case(NARROW, "bfloat16", 4096)]
    assert {case.members for case in found[14:18]} == {512}


def test_a_rehearsal_has_less_of_everything():
    assert len(cases(SMALL)) == 2 * 2 * 2
    assert (FULL.target, FULL.num_examples, FULL.networks[0]) == (0.98, 60_000, (784, 256, 10))
    numbers = ("num_examples", "side", "stream", "warm_up", "measured", "epochs", "smoke_epochs")
    assert all(getattr(SMALL, name) < getattr(FULL, name) for name in numbers)


def test_a_case_has_a_name():
    assert Case(WIDE, "tf32", 4096).name == "4,096 x 784-256-10, tf32"
