import numpy as np

from experiments.app.votes import guesses_of, together


def test_the_mean_of_networks_counts_each_once():
    one, other = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.4, 0.6], [0.0, 1.0]])
    votes = together([one, one, other], "classification")
    np.testing.assert_allclose(votes.outputs, [[2.2 / 3, 0.8 / 3], [0.4 / 3, 2.6 / 3]])
    np.testing.assert_allclose(votes.spread, np.std([one, one, other], axis=0, ddof=1))
    np.testing.assert_allclose(votes.agree, [2 / 3, 1])


def test_one_network_has_no_spread():
    votes = together([np.float32([[0.25, 0.75]])], "classification")
    assert (votes.spread, votes.agree) == (None, None)
    assert votes.outputs.tolist() == [[0.25, 0.75]]


def test_values_have_no_guess_to_agree_on():
    votes = together([np.array([[1.0]]), np.array([[3.0]])], "regression")
    assert (votes.outputs.tolist(), votes.agree) == ([[2.0]], None)
    np.testing.assert_allclose(votes.spread, [[np.sqrt(2)]])


def test_several_answers_agree_where_all_do():
    one, other = np.array([[0.9, 0.8], [0.1, 0.2]]), np.array([[0.7, 0.3], [0.2, 0.1]])
    assert together([one, other], "multilabel").agree.tolist() == [0.5, 1.0]


def test_a_network_that_has_no_guess_agrees_with_none():
    votes = together([np.array([[np.nan, 1.0]]), np.array([[0.0, 1.0]])], "classification")
    assert guesses_of(votes.outputs).tolist() == [-1]
    assert votes.agree.tolist() == [0.5]  # that which has none itself


def test_an_answer_of_a_half_is_no():
    assert guesses_of(np.array([[0.5, 0.51]]), "multilabel").tolist() == [[0, 1]]
