"""Metrics picture by picture: what one is not defined for empties no other's value."""

import csv
import hashlib
import json
import math
from functools import partial

import pytest
import torch
import torchvision

from ddpg.errors import MetricUnavailable, MetricUndefined
from ddpg.files.costs import write_costs
from ddpg.files.tensors import write_tensors
from ddpg.jobs.evaluation import Evaluation
from ddpg.metrics import backbones
from ddpg.metrics.catalogue import metric_called
from ddpg.metrics.measures import haarpsi, lpips, psnr, psnr_of_8_bits, ssim
from ddpg.stages.evaluation import evaluate

METRICS = {
    "psnr": psnr,
    "psnr_8bit": partial(psnr_of_8_bits, border=0),
    "psnr_8bit_inner": partial(psnr_of_8_bits, border=4),
    "ssim": ssim,
    "haarpsi": haarpsi,
    "lpips": partial(lpips, net="squeeze"),
    "lpips_average": partial(lpips, net="squeeze", pooling="average"),
    "lpips_unscaled": partial(lpips, net="squeeze", black=0.0),
}
MEASURED = ("psnr", "psnr-8bit", "psnr-8bit-inner", "ssim", "haarpsi", "blur-effect", "lpips")
SIDE = 40


def black(truth):
    return torch.zeros_like(truth), torch.zeros_like(truth)


def constant(truth):
    return torch.full_like(truth, 0.5), torch.full_like(truth, 0.5)


def identical(truth):
    return truth, truth


def white_on_black(truth):
    return torch.ones_like(truth), torch.zeros_like(truth)


def not_a_number(truth):
    restored = truth.clone()
    restored[0, 3, 4] = math.nan
    return restored, truth


HOSTILE = [black, constant, identical, white_on_black, not_a_number]


@pytest.fixture(scope="module", autouse=True)
def backbone(tmp_path_factory):
    """A backbone with weights of our own, smaller than the published ones; and its record."""
    folder = tmp_path_factory.mktemp("backbone")
    generator = torch.Generator().manual_seed(0)
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    drawn = {name: torch.randn(v.shape, generator=generator) / 9 for name, v in state.items()}
    torch.save(drawn, folder / "random.pth")
    digits = hashlib.sha256((folder / "random.pth").read_bytes()).hexdigest()[:8]
    file = (folder / "random.pth").rename(folder / f"squeeze-{digits}.pth")
    (folder / "squeeze.json").write_text(json.dumps({"file": str(file), "reason": None}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbones.BACKBONES, "squeeze", file.name)
        patch.setenv(backbones.FOLDER_VARIABLE, str(folder))
        yield folder / "squeeze.json"


@pytest.fixture(scope="module")
def pair():
    """Two references and worse versions of them, (2, 3, 40, 40)."""
    generator = torch.Generator().manual_seed(0)
    reference = torch.rand(2, 3, SIDE, SIDE, generator=generator, dtype=torch.float64)
    return (0.8 * reference + 0.1).clamp(0, 1), reference


def measured(name, restored, reference):
    return METRICS[name](restored, reference, data_range=1.0)


@pytest.mark.parametrize("neighbour", HOSTILE)
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", METRICS)
def test_a_neighbour_changes_no_bit(pair, name, neighbour, place):
    restored, reference = pair
    alone = [measured(name, restored[i][None], reference[i][None])[0] for i in range(2)]
    other = neighbour(reference[0])
    batch = [
        torch.stack([*images[:place], mine, *images[place:]])
        for images, mine in zip(pair, other, strict=True)
    ]
    values = measured(name, *batch).tolist()
    hostile = values.pop(place)
    assert values == alone
    try:
        expected = measured(name, *(image[None] for image in other)).tolist()
    except MetricUndefined:
        assert math.isnan(hostile)
    else:
        assert [hostile] == expected


def test_what_has_no_value_is_raised_where_there_is_no_other(pair):
    for name in METRICS:
        with pytest.raises(MetricUndefined, match="NaN or infinite"):
            measured(name, pair[0] * math.nan, pair[1])


@pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
def test_equal_pictures_of_one_shade_are_alike(shade):
    picture = torch.full((2, 3, SIDE, SIDE), shade)
    best = {"psnr": math.inf, "ssim": 1, "haarpsi": 1, "lpips": 0}
    for name in METRICS:
        value = best[name.partition("_")[0]]
        assert measured(name, picture, picture).tolist() == pytest.approx([value] * 2)


@pytest.mark.parametrize("name", METRICS)
def test_of_no_images_there_are_no_values(name):
    nothing = torch.zeros(0, 3, SIDE, SIDE)
    assert measured(name, nothing, nothing).shape == (0,)


@pytest.fixture
def evaluated(tmp_path, backbone):
    """Evaluates pictures, of which some failed; returns (metric, image) -> value and note."""
    generator = torch.Generator().manual_seed(0)
    size = (3, SIDE, SIDE)
    truth = {
        n: torch.randint(0, 256, size, generator=generator, dtype=torch.uint8) for n in "abcdefg"
    }
    truth["c"].zero_()
    truth["e"].fill_(128)
    restored = {n: (2 * x.float() / 255 - 1) * (1 if n in "cef" else 0.9) for n, x in truth.items()}

    def run(images, failures=(), metrics=MEASURED):
        write_tensors({n: truth[n] for n in images}, tmp_path / "t.safetensors", ids=images)
        whole = {n: restored[n] for n in images if n not in failures}
        write_tensors(whole, tmp_path / "r.safetensors", ids=images)
        costs = {"seconds": "1", "network_evaluations": 4, "peak_memory_mib": "1"}
        rows = [{"image": n, "failure": dict(failures).get(n, ""), **costs} for n in images]
        write_costs(tmp_path / "c.csv", rows)
        evaluate(
            Evaluation(
                truth=tmp_path / "t.safetensors",
                restorations=tmp_path / "r.safetensors",
                costs=tmp_path / "c.csv",
                output=tmp_path / "o.csv",
                columns={},
                images=tuple(images),
                metrics=tuple(metric_called(metric, "squeeze") for metric in metrics),
                backbones=(backbone,),
            )
        )
        with (tmp_path / "o.csv").open(newline="") as stream:
            return {
                (r["metric"], r["image"]): (r["value"], r["note"]) for r in csv.DictReader(stream)
            }

    return run


@pytest.mark.slow
def test_shards_and_order_show_in_no_value(evaluated):
    together = evaluated(list("abcdefg"))
    alone = {key: value for name in "abcdefg" for key, value in evaluated([name]).items()}
    assert evaluated(list("gfedcba")) == together == alone
    assert all(value for value, _ in together.values())
    assert together["psnr", "c"][0] == "inf"
    assert together["haarpsi", "c"][0] == "1.000000"


def test_an_image_that_failed_is_empty_with_its_reason(evaluated):
    reason = "dps diverged: not finite at step 2 of 3 (time index 499)"
    rows = evaluated(list("abcd"), {"b": reason, "d": reason})
    healthy = evaluated(list("abcd"))
    for (metric, image), (value, note) in rows.items():
        if metric in ("seconds", "network_evaluations", "peak_memory_mib"):
            assert value, "what was spent was spent"
        elif image in "bd":
            assert (value, note) == ("", f"{image}: {reason}")
        else:
            assert (value, note) == healthy[metric, image]


def test_a_shard_of_failures_has_a_row_for_each(evaluated):
    rows = evaluated(list("ab"), {"a": "x diverged", "b": "x diverged"})
    assert {note for (metric, _), (_, note) in rows.items() if metric == "psnr"} == {
        "a: x diverged",
        "b: x diverged",
    }


def test_a_metric_that_is_not_there_is_not_blamed_on_an_image(evaluated, monkeypatch):
    def unavailable(*_images, **_options):
        raise MetricUnavailable("no backbone")

    monkeypatch.setattr("ddpg.metrics.measures.lpips", unavailable)
    rows = evaluated(list("ab"), {"a": "x diverged"})
    assert rows["lpips_squeeze", "b"] == ("", "no backbone")
    assert rows["lpips_squeeze", "a"] == ("", "a: x diverged")
