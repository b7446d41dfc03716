import numpy as np
from report_sweeps import subject

from experiments.report import sweep_settings


def test_the_head_says_what_was_swept(tmp_path):
    head = sweep_settings.head(subject(tmp_path, num_seeds=3))
    assert head["title"] == "9 networks on dots"
    what = head["what"]
    assert what["learning rate"] == "0.1, 0.01, 0.001"
    assert what["seeds"] == "0 to 2"
    assert what["speed"] == "12.5 network-epochs a second"
    assert what["work saved"] == "25 %"
    assert (head["notice"], head["verdict"]) == (None, [])


def test_a_setting_that_did_harm_is_named(tmp_path):
    made = subject(tmp_path)
    made.summary["settings"][1]["verdict"] = {"no better than guessing": 2}
    expected = ["learning rate 0.01: 2 of 8 ended no better than guessing"]
    assert sweep_settings.head(made)["verdict"] == expected


def test_the_networks_of_all_folds_and_seeds_are_counted(tmp_path):
    made = subject(tmp_path, num_seeds=2, axes={"fold": range(5)})
    made.summary["settings"][0]["verdict"] = {"no better than guessing": 1}
    rows = [made.rows[0]._replace(setting={}, num_seeds=5)]
    expected = ["All: 1 of 10 ended no better than guessing"]
    assert sweep_settings.head(made._replace(rows=rows))["verdict"] == expected


def test_p_values_are_shown_with_what_they_are_corrected_for(tmp_path):
    found = sweep_settings.of(subject(tmp_path))
    assert found["shows_p"]
    assert [row["p"]["text"] for row in found["rows"]] == ["", "0.023", "0.023"]  # 3 pairs x 2/2^8
    assert any("corrected for all pairs" in note for note in found["notes"])


def test_where_no_p_value_could_show_anything_there_is_none(tmp_path):
    found = sweep_settings.of(subject(tmp_path, num_seeds=3))
    assert not found["shows_p"]
    assert any(note.startswith("no p: that of 3 seeds") for note in found["notes"])


def test_a_single_setting_has_no_p_and_no_note_of_it(tmp_path):
    found = sweep_settings.of(subject(tmp_path, axes={}))
    assert not found["shows_p"]
    assert found["axes"] == []
    assert len(found["notes"]) == 1


def test_intervals_of_shares_end_at_their_bounds(tmp_path):
    row = sweep_settings.of(subject(tmp_path, num_seeds=2))["rows"][0]
    assert row["interval"]["text"] == "89.41 to 90.69 %"
    assert row["mean"] == {"text": "90.05 %", "value": row["mean"]["value"]}
    np.testing.assert_allclose(row["mean"]["value"], 0.9005, atol=1e-6)
    alone = sweep_settings.of(subject(tmp_path, num_seeds=1))["rows"][0]
    assert alone["interval"] == {"text": "", "value": None}


def test_failed_networks_are_named_with_the_place(tmp_path):
    assert sweep_settings.failed(subject(tmp_path)) is None
    found = sweep_settings.failed(subject(tmp_path, faults=[(1, 2)]))
    assert found == {
        "rows": [
            {
                "member": "learning_rate=0.01,seed=2",
                "where": "step 12 (epoch 3), loss, layer_1: too large",
            }
        ],
        "num_failed": 1,
    }
    row = sweep_settings.of(subject(tmp_path, faults=[(1, 2)]))["rows"][1]
    assert row["failed"]["value"] == 1


def test_no_more_rows_than_there_is_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_settings, "MOST", 2)
    found = sweep_settings.of(subject(tmp_path))
    assert [row["rank"] for row in found["rows"]] == [1, 2]
    assert "The best 2 of 3 settings; table.csv has all." in found["notes"]
