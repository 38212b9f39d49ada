"""Weights files and cards, and the two sets that must share nothing."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from torch import nn

from spfem_bench.digest import digest_file
from spfem_bench.errors import IntegrityError, MissingWeightsError
from spfem_bench.training.cards import Card, Measure
from spfem_bench.training.files import LARGEST, SETS, folder, load, parameter_count, save, weights_path
from spfem_bench.training.recipe import HELD_OUT, POPULATIONS, SEEDS, TRAINERS


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_what_is_saved_is_half_and_what_is_loaded_is_float(tmp_path):
    own, path = net(), tmp_path / "a" / "x.safetensors"
    digest = save(path, own, {"seed": "7"})
    assert digest == digest_file(path)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"made": '{"seed":"7"}'}
        kinds = {name: file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118 - no mapping
    assert kinds["0.weight"] == torch.float16
    assert kinds["1.num_batches_tracked"] == torch.int64
    again = load(path, net().train())
    assert not again.training
    assert again[0].weight.dtype == torch.float32
    assert torch.equal(again[0].weight, own[0].weight.half().float())


def test_equal_networks_give_equal_files(tmp_path):
    one, other = (save(tmp_path / name, net(), {"b": "2", "a": "1"}) for name in ("one", "other"))
    assert one == other


def test_a_weight_beyond_half_precision_is_refused(tmp_path):
    own = net()
    own[0].weight.data[0, 0] = 1e6
    with pytest.raises(IntegrityError, match=r"0\.weight"):
        save(tmp_path / "x", own, {})
    assert not (tmp_path / "x").exists()


def test_a_missing_file_names_the_command(tmp_path):
    with pytest.raises(MissingWeightsError, match="spfem-bench train metrics"):
        load(tmp_path / "none", net())


def test_another_networks_file_is_refused(tmp_path):
    save(tmp_path / "x", net(), {})
    with pytest.raises(IntegrityError, match="x:"):
        load(tmp_path / "x", nn.Linear(3, 4))


def test_parameters_are_counted_without_statistics():
    assert parameter_count(net()) == 3 * 4 + 4 + 4 + 4


def test_a_card_names_what_it_misses():
    missed = Measure("accuracy", 0.9, "", 0.95)
    met = Measure("error", 1.5, "%", 2.0, "lower")
    plain = Measure("pictures", 12)
    card = Card("x", "judges", "About.", "A net.", 10, "ab" * 32, 40, {"seed": "1"}, (missed, met, plain))
    assert card.missed == [missed]
    text = card.markdown()
    assert "| accuracy | 0.9 | >= 0.95 | missed |" in text
    assert "| error | 1.5 % | <= 2 | met |" in text
    assert "| pictures | 12 |  |  |" in text
    assert "Misses its target: accuracy: 0.9 (target >= 0.95: missed)." in text
    assert plain.line() == "pictures: 12"


def test_nobody_is_learnt_from_twice_and_the_held_out_are_nobodys():
    people = [*POPULATIONS.values(), HELD_OUT, 0]
    assert len(set(people)) == len(people)
    assert len(set(SEEDS.values())) == len(SETS)


def shipped() -> dict[tuple[str, str], str]:
    return {
        (which, name): digest_file(weights_path(which, name))
        for which in SETS
        for name in TRAINERS
        if weights_path(which, name).is_file()
    }


def test_no_network_is_in_both_sets():
    digests = shipped()
    assert len(set(digests.values())) == len(digests)


def test_all_twelve_networks_ship_with_their_cards_in_ten_megabytes():
    present = {which: {path.stem for path in folder(which).glob("*.safetensors")} for which in SETS}
    assert present == {which: set(TRAINERS) for which in SETS}
    sizes = [path.stat().st_size for which in SETS for path in folder(which).glob("*.safetensors")]
    assert sum(sizes) <= LARGEST
    for (which, name), digest in shipped().items():
        assert digest in weights_path(which, name).with_suffix(".md").read_text()
