from experiments.speed.peers import ALONE, OWN, PEERS, POPULATION
from experiments.speed.peers.line import Work
from experiments.speed.processes import PEERS as FOLDER


def test_the_widths_are_from_the_inputs_to_the_classes():
    assert Work("", (7, 5), 3, 1, 0.1, 1, 1, 0).sizes(4) == (4, 7, 5, 3)


def test_every_peer_has_a_module_and_ours_are_the_reference():
    assert all((FOLDER / f"{peer.name}.py").is_file() for peer in PEERS)
    assert [peer.name for peer in PEERS[:2]] == [ALONE, POPULATION]
    assert [peer.is_population for peer in PEERS[:2]] == [False, True]
    assert len({peer.what for peer in PEERS}) == len(PEERS) == 11
    assert {"alone", "population", "divided_layer", "divided_batch"} == OWN
