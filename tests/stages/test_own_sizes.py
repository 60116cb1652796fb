"""Pictures of their own sizes: prepared, observed, restored and measured whatever their neighbours.

Shards are put together at random from pictures of four sizes, and every picture must come out as it
does alone.
"""

import csv
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.index import Row, read_index, write_index
from ddpg.datasets.survey import survey_dataset
from ddpg.errors import UserError
from ddpg.files.long_table import read_long_table
from ddpg.files.tensors import read_names, read_tensors, write_tensors
from ddpg.jobs.evaluation import Evaluation, SampleEvaluation
from ddpg.jobs.observation import Observation
from ddpg.jobs.resources import SizeCheck
from ddpg.jobs.restoration import Recording, Restoration
from ddpg.priors import GaussianPrior
from ddpg.priors.base import Prior
from ddpg.stages import batches, evaluation
from ddpg.stages.degrading import read_sizes
from ddpg.stages.evaluation import evaluate
from ddpg.stages.observations import observe
from ddpg.stages.preparation import index_rows, prepare_rows
from ddpg.stages.provenance import cropped_pictures, enlarged_pictures
from ddpg.stages.restoration import restore_shard
from ddpg.stages.samples import evaluate_samples
from ddpg.stages.sizes.checking import check_sizes
from ddpg.stages.sizes.shapes import counterpart, inner
from ddpg.stages.trajectory import record_image
from ddpg.stages.trajectory_file import read_trajectory
from ddpg.study.sizes.demands import Demands
from ddpg.validation import validated

SIZES = {"a": (33, 48), "b": (40, 40), "c": (33, 48), "d": (47, 29), "e": (40, 40), "f": (21, 35)}
"""Height and width of each picture; most sides are odd."""
IMAGES = tuple(SIZES)
SHARDS = [
    [IMAGES[k] for k in np.random.default_rng(seed).permutation(len(IMAGES))[:count]]
    for seed, count in enumerate((2, 3, 5, 6, 6))
]
TASKS = {
    "sr": {"task": "sr_bicubic", "backend": "svd", "scale": 4},
    "motion": {"task": "motion_deblur", "backend": "fft"},
    "gauss": {"task": "deblur_gauss", "backend": "fft"},
    "cropped": {"task": "blur", "backend": "cropped", "card": "lens"},
    "sampled": {"task": "blur", "backend": "reflect", "scale": 2, "card": "lens"},
    "holes": {"task": "inpainting", "backend": "fft", "card": "holes"},
}
"""What a stage is told of each degradation."""


def draw(path, size, seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((size[1], size[0])).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures, their index, a kernel for each in a folder, and all of them prepared."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "pictures").mkdir()
    (folder / "kernels").mkdir()
    for seed, (name, size) in enumerate(SIZES.items()):
        draw(folder / f"pictures/{name}.png", size, seed)
        side = 3 + 2 * (seed % 3)
        np.save(folder / f"kernels/{name}.npy", np.random.default_rng(seed).random((side, side)))
    content = {"name": "own", "source": {"folder": str(folder / "pictures")}}
    content |= {"crop": "none", "images": {"count": len(SIZES)}}
    survey_dataset(validated(DatasetCard, content, "card.yaml"), folder / "index.tsv")
    prepare(folder, IMAGES, folder / "truth.safetensors")
    return folder


def prepare(folder, images, output):
    rows = index_rows(folder / "index.tsv", [IMAGES.index(name) for name in images])
    prepare_rows(rows, folder / "pictures", output, image_size="native", crop="none")
    return output


def observed(folder, images, output, name="sr", **changes):
    """Observes a shard as the workflow does: what is drawn belongs to the picture."""
    seeds = tuple(10 * IMAGES.index(image) for image in images)
    drawn = {
        "motion": {"kernel_seeds": seeds, "kernel_size": 9},
        "cropped": {"kernel": str(folder / "kernels"), "kernel_side": 7},
        "sampled": {"kernel": "motion:9", "kernel_side": 9, "picture_seeds": seeds},
        "holes": {"mask": "random:0.5", "picture_seeds": seeds},
    }.get(name, {})
    return observed_from(folder / "truth.safetensors", images, output, name, **drawn, **changes)


def observed_from(truth, images, output, name, **changes):
    task = {"operator" if key == "backend" else key: value for key, value in TASKS[name].items()}
    options = {"dataset": "own", "sigma_y": 0.05, "seed": 0, **task, **changes}
    observe(Observation(truth=truth, output=output, images=tuple(images), **options))
    return output


def test_prepared_pictures_keep_their_bytes_and_sizes(folder):
    tensors = read_tensors(folder / "truth.safetensors")
    for name, size in SIZES.items():
        pixels = np.array(Image.open(folder / f"pictures/{name}.png"))
        assert tensors[name].shape[1:] == size
        assert np.array_equal(tensors[name].permute(1, 2, 0).numpy(), pixels)


@pytest.mark.parametrize("name", TASKS)
def test_an_observation_does_not_depend_on_its_neighbours(folder, tmp_path, name):
    alone = {}
    for image in IMAGES:
        alone |= read_tensors(observed(folder, [image], tmp_path / f"{image}.safetensors", name))
    for number, shard in enumerate(SHARDS):
        tensors = read_tensors(observed(folder, shard, tmp_path / f"{number}.safetensors", name))
        assert sorted(tensors) == sorted(n for n in alone if n.split("/")[0] in shard)
        for key, tensor in tensors.items():
            torch.testing.assert_close(tensor, alone[key], rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "size_of_y"),
    [
        ("sr", lambda h, w: (h // 4, w // 4)),
        ("motion", lambda h, w: (h, w)),
        ("cropped", lambda h, w: (h - 6, w - 6)),
        ("sampled", lambda h, w: (-(-h // 2), -(-w // 2))),
    ],
)
def test_sizes_of_observations_and_of_what_is_unknown(folder, tmp_path, name, size_of_y):
    path = observed(folder, IMAGES, tmp_path / "y.safetensors", name)
    tensors, unknown = read_tensors(path), read_sizes(path, IMAGES)
    for image, (height, width) in SIZES.items():
        assert tuple(tensors[image].shape[1:]) == size_of_y(height, width)
        kept = (height // 4 * 4, width // 4 * 4) if name == "sr" else (height, width)
        assert unknown[image] == kept


def test_the_upper_left_part_is_degraded_where_the_scale_does_not_divide(folder, tmp_path, caplog):
    caplog.set_level("INFO", "ddpg")
    y = read_tensors(observed(folder, ["d"], tmp_path / "y.safetensors", "sr", sigma_y=0.0))["d"]
    assert "d: 29 x 47 cut to 28 x 44, which the scale 4 divides" in caplog.text
    cut = read_tensors(folder / "truth.safetensors", ["d"])["d"][:, :44, :28]
    write_tensors({"d": cut.contiguous()}, tmp_path / "cut.safetensors")
    files = tmp_path / "cut.safetensors", ["d"], tmp_path / "z.safetensors"
    observed_from(*files, "sr", sigma_y=0.0)
    torch.testing.assert_close(read_tensors(tmp_path / "z.safetensors")["d"], y, rtol=0, atol=1e-6)


def test_a_picture_below_the_scale_is_refused(tmp_path):
    write_tensors({"d": torch.zeros(3, 3, 9, dtype=torch.uint8)}, tmp_path / "x.safetensors")
    files = tmp_path / "x.safetensors", ["d"], tmp_path / "y.safetensors"
    with pytest.raises(UserError, match="d: 9 x 3 is smaller than the scale 4"):
        observed_from(*files, "sr", sigma_y=0.0)


def test_observations_of_one_size_for_all_hold_no_sizes(observing, tmp_path):
    names = read_names(observing(tmp_path / "y.safetensors"))
    assert names == {"a", "b", "c", "d"}


class Watching(Prior):
    """Stands in for a network: it takes multiples of 8, and remembers the shapes that it sees."""

    inside = GaussianPrior(0.0, 0.25)
    schedule, device, dtype = inside.schedule, inside.device, inside.dtype
    size_multiple = 8

    def __init__(self):
        self.shapes = []

    def eps(self, x_t, t):
        self.shapes.append(tuple(x_t.shape))
        return self.inside.eps(x_t, t)


@pytest.fixture
def watching(monkeypatch):
    prior = Watching()
    monkeypatch.setattr(batches, "load_prior", lambda *_name, **_device: prior)
    return prior


@pytest.fixture
def restored(folder, tmp_path, watching):  # noqa: ARG001 - the prior of the jobs
    """Restores a shard; gives its restorations."""

    def run(images, name="sr", method="ddpg", batch_size=1, **changes):
        where = tmp_path / f"{name}-{method}-{'-'.join(images)}-{batch_size}"
        y = observed(folder, images, where / "y.safetensors", name)
        job = Restoration(**job_of(name, method, y) | changes, batch_size=batch_size,
                          dtype="float32", output=where / "x.safetensors",
                          costs=where / "x.csv", pictures=where / "png")  # fmt: skip
        restore_shard(job, device="cpu")
        return read_tensors(job.output)

    return run


def job_of(name, method, observations):
    task = TASKS[name]
    steps = {} if method == "pinv" else {"steps": "3"}
    return {
        "dataset": "own", "image_size": "native", "task": task["task"], "operator": task["backend"],
        "scale": task.get("scale"), "card": task.get("card", ""), "sigma_y": 0.05, "seed": 0,
        "method": method, "hyper_parameters": steps, "prior": "" if method == "pinv" else "own",
        "observations": observations,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _no_card(monkeypatch):
    """The prior that stands in has no card."""
    monkeypatch.setattr(batches, "execution_of", lambda _job: batches.ExecutionSettings())
    monkeypatch.setattr("ddpg.stages.restoration.execution_of", batches.execution_of)
    monkeypatch.setattr(batches, "card_identity", lambda _prior: "")
    monkeypatch.setattr(batches, "read_card", lambda prior: prior)
    limits = type("Limits", (), {"image_size": None})
    monkeypatch.setattr(batches, "prior_limits", lambda _card: limits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("sr", "ddpg"), ("sr", "pinv"), ("motion", "idpg"), ("gauss", "diffpir"), ("holes", "dps"),
        ("cropped", "ddpg"), ("cropped", "pinv"), ("cropped", "idpg"), ("sampled", "pigdm"),
    ],
)  # fmt: skip
def test_a_restoration_does_not_depend_on_batch_or_shard(restored, name, method):
    alone = {}
    for image in IMAGES:
        alone |= restored([image], name, method)
    for shard, batch_size in zip(SHARDS, (2, 3, 2, 1, 4), strict=True):
        together = restored(shard, name, method, batch_size)
        assert sorted(together) == sorted(shard)
        for image, tensor in together.items():
            torch.testing.assert_close(tensor, alone[image], rtol=0, atol=2e-5)
    for image, tensor in alone.items():
        height, width = SIZES[image]
        kept = (height // 4 * 4, width // 4 * 4) if name == "sr" else (height, width)
        assert tuple(tensor.shape) == (3, *kept)


def test_batches_are_of_equal_sizes_and_the_network_sees_its_multiples(restored, watching):
    restored(IMAGES, "gauss", batch_size=4)
    assert set(watching.shapes) == {(2, 3, 40, 48), (2, 3, 40, 40), (1, 3, 48, 32), (1, 3, 24, 40)}


@pytest.mark.slow
def test_a_prior_with_a_closed_form_sees_every_picture_whole(restored, monkeypatch):
    """And is asked for more than its estimate of the noise."""
    prior = GaussianPrior(0.0, 0.25)
    monkeypatch.setattr(batches, "load_prior", lambda *_name, **_device: prior)
    assert sorted(restored(IMAGES, "cropped")) == list(IMAGES)
    job = Restoration(**job_of("gauss", "ddpg", "y"), output="x", costs="x", pictures="x")
    assert batches._prior(job, "cpu") is prior


def test_a_failing_picture_is_an_empty_place_among_others(restored, monkeypatch):
    """Whatever size it has; a method that cannot say which it was tries each alone."""
    eps = Watching.eps

    def fails(self, x_t, t):
        if x_t.shape[-1] == 32:  # picture d
            raise FloatingPointError("made up")
        return eps(self, x_t, t)

    monkeypatch.setattr(Watching, "eps", fails)
    assert sorted(restored(IMAGES, "gauss")) == ["a", "b", "c", "e", "f"]


def test_a_native_picture_that_the_network_knows_is_restored_as_one_of_a_study_of_its_size(
    restored,
):
    """The tiles are the whole picture then, to the last bit."""
    native = restored(["b", "e"], "gauss")
    fixed = restored(["b", "e"], "gauss", image_size=40, seed=0)
    assert all(torch.equal(native[name], fixed[name]) for name in native)


# --- measured -------------------------------------------------------------------------------------


EXPERIMENT = {
    "dataset": "own", "task": "t", "operator": "fft", "sigma_y": "0.05", "method": "ddpg",
    "label": "ddpg", "prior": "own", "repeat": "0",
}  # fmt: skip


def write_restorations(tmp_path, restorations, name="x"):
    """A shard of restorations and its costs."""
    write_tensors(restorations, tmp_path / f"{name}.safetensors")
    with (tmp_path / f"{name}.csv").open("w", newline="") as stream:
        columns = ("image", "seconds", "network_evaluations", "peak_memory_mib", "settings")
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows([image, 1, 1, 1, ""] for image in restorations)
    return tmp_path / f"{name}.safetensors", tmp_path / f"{name}.csv"


def measured(folder, tmp_path, restorations, scale="", metrics=("psnr", "ssim"), **options):
    given, costs = write_restorations(tmp_path, restorations)
    files = {"truth": folder / "truth.safetensors", "restorations": given, "costs": costs}
    files |= {"output": tmp_path / "m.csv", "images": tuple(restorations), "metrics": metrics}
    evaluate(Evaluation(columns=EXPERIMENT | {"scale": scale}, **files, **options))
    rows = read_long_table(tmp_path / "m.csv")
    return {(r["image"], r["metric"]): r["value"] for r in rows if r["metric"] in metrics}


def noisy(folder, kept=lambda h, w: (h, w), seed=0):
    """Restorations with another error in each pixel, larger at the rim."""
    found = {}
    for name, pixels in read_tensors(folder / "truth.safetensors").items():
        height, width = kept(*pixels.shape[1:])
        x = 2 * pixels[:, :height, :width].float() / 255 - 1
        error = 0.2 * torch.rand(
            x.shape, generator=torch.Generator().manual_seed(len(found) + 9 * seed)
        )
        error[:, 3:-3, 3:-3] /= 4
        found[name] = x + error
    return found


def psnr_of(folder, name, x, margin=0):
    height, width = x.shape[1:]
    truth = read_tensors(folder / "truth.safetensors", [name])[name][:, :height, :width]
    difference = ((x.double() / 2 + 0.5).clamp(0, 1) - truth.double() / 255).numpy()
    if margin:
        difference = difference[:, margin:-margin, margin:-margin]
    return -10 * math.log10((difference**2).mean())


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0, 3])
def test_scores_are_those_of_each_picture_alone(folder, tmp_path, margin):
    restorations = noisy(folder)
    together = measured(folder, tmp_path, restorations, margin=margin)
    for name, x in restorations.items():
        assert float(together[name, "psnr"]) == pytest.approx(
            psnr_of(folder, name, x, margin), abs=1e-5
        )
        alone = measured(folder, tmp_path, {name: x}, margin=margin)
        assert alone == {key: value for key, value in together.items() if key[0] == name}
    for number, shard in enumerate(SHARDS):
        some = measured(
            folder, tmp_path, {name: restorations[name] for name in shard}, margin=margin
        )
        assert some == {key: value for key, value in together.items() if key[0] in shard}, number


def test_what_is_cut_off_is_not_measured(folder, tmp_path):
    restorations = noisy(folder, lambda h, w: (h // 4 * 4, w // 4 * 4))
    found = measured(folder, tmp_path, restorations, scale="4")
    for name, x in restorations.items():
        assert float(found[name, "psnr"]) == pytest.approx(psnr_of(folder, name, x), abs=1e-5)


@pytest.mark.parametrize("name", ["sr", "cropped", "holes"])
def test_what_was_observed_is_compared_with_all_of_a_restoration(folder, tmp_path, name):
    """The truth explains it up to the noise, whatever is left out of other metrics."""
    y = observed(folder, IMAGES, tmp_path / "y.safetensors", name)
    task = TASKS[name]
    degradation = {"task": task["task"], "operator": task["backend"]}
    degradation |= {"scale": str(task["scale"])} if "scale" in task else {}
    options = {"metrics": ("consistency", "psnr"), "observations": y, "degradation": degradation}
    options |= {"margin": 3, "scale": degradation.get("scale", "")}
    whole = read_tensors(folder / "truth.safetensors")
    sizes = read_sizes(y, IMAGES)
    truth = {n: 2 * x[:, : sizes[n][0], : sizes[n][1]].float() / 255 - 1 for n, x in whole.items()}
    found = measured(folder, tmp_path, truth, **options)
    for image in IMAGES:
        assert float(found[image, "consistency"]) == pytest.approx(1, abs=0.15)
        alone = measured(folder, tmp_path, {image: truth[image]}, **options)
        assert float(alone[image, "consistency"]) == pytest.approx(
            float(found[image, "consistency"]), abs=2e-6
        )


def test_samples_are_compared_with_the_same_part(folder, tmp_path):
    shards = []
    for number in range(3):
        samples = noisy(folder, lambda h, w: (h // 4 * 4, w // 4 * 4), number)
        shards.append(write_restorations(tmp_path, samples, f"x{number}"))
    files, costs = zip(*shards, strict=True)
    for margin in (0, 3):
        given = {"truth": folder / "truth.safetensors", "restorations": files, "costs": costs}
        given |= {"output": tmp_path / "s.csv", "images": tuple(IMAGES), "margin": margin}
        columns = EXPERIMENT | {"scale": "4"}
        evaluate_samples(SampleEvaluation(columns=columns, between=(), **given))
        rows = {(r["image"], r["metric"]): r["value"] for r in read_long_table(tmp_path / "s.csv")}
        for image in IMAGES:
            each = [psnr_of(folder, image, read_tensors(f, [image])[image], margin) for f in files]
            assert float(rows[image, "psnr_sample"]) == pytest.approx(np.mean(each), abs=1e-4)


def test_a_restoration_of_another_size_is_refused(folder, tmp_path):
    for scale, side in (("", 39), ("4", 36), ("4", 44)):
        with pytest.raises(
            UserError, match=f"a picture of 40 x 40 cannot have a .* {side} x {side}"
        ):
            measured(folder, tmp_path, {"b": torch.zeros(3, side, side)}, scale=scale)


def test_few_large_pictures_are_measured_at_a_time():
    def batches_of(side, count):
        images = {str(k): torch.empty(3, side, side, device="meta") for k in range(count)}
        return [len(batch) for batch in evaluation._batches(images, 4)]

    assert batches_of(512, 6) == [4, 2]
    assert batches_of(730, 4) == [1, 1, 1, 1]
    assert batches_of(4000, 2) == [1, 1]


def test_parts_of_pictures():
    x = torch.arange(30.0).view(1, 5, 6)
    assert torch.equal(counterpart(x, (4, 4), 4), x[:, :4, :4])
    assert torch.equal(counterpart(x, (5, 6)), x)
    assert torch.equal(inner(x, 1), x[:, 1:4, 1:5])
    assert torch.equal(inner(x, 0), x)


# --- recorded, checked, told ----------------------------------------------------------------------


@pytest.mark.usefixtures("watching")
def test_a_trajectory_is_compared_with_what_was_degraded(folder, tmp_path):
    y = observed(folder, ["d", "a"], tmp_path / "y.safetensors", "sr")
    job = Recording(**job_of("sr", "ddpg", y), truth=folder / "truth.safetensors",
                    output=tmp_path / "t.safetensors")  # fmt: skip
    record_image(job, device="cpu")
    trajectory = read_trajectory(job.output)
    assert trajectory.truth.shape == trajectory.restored.shape == (3, 44, 28)
    assert not trajectory.failure
    assert math.isfinite(trajectory.psnr)


def index_of(tmp_path, sizes):
    rows = [Row(name, f"{name}.png", "0" * 64, w, h) for name, (h, w) in sizes.items()]
    write_index(rows, tmp_path / "index.tsv")
    return tmp_path / "index.tsv"


def compare(index, output, positions, demands):
    words = {cell: wanted.to_text() for cell, wanted in demands.items()}
    places = tuple(map(str, positions))
    check_sizes(SizeCheck(index=index, output=output, positions=places, demands=words))


def test_the_sizes_that_the_survey_found_are_compared_and_what_is_cut_is_written_down(tmp_path):
    index, output = index_of(tmp_path, SIZES), tmp_path / "sizes.json"
    kernel = {"kernel_side": 21, "kernel": "the 21 x 21 kernel k.npy"}
    demands = {"sr": Demands(scale=4), "blur": Demands(**kernel), "all": Demands()}
    compare(index, output, positions=range(6), demands=demands)
    assert cropped_pictures(output) == [
        "sr: cut below and to the right, because the scale 4 does not divide them: 4 of 6 "
        "pictures, a (48 x 33) to 48 x 32, c (48 x 33) to 48 x 32, d (29 x 47) to 28 x 44 and "
        "1 more"
    ]
    compare(index, output, positions=[1, 4], demands=demands)
    assert cropped_pictures(output) == []


def test_pictures_that_do_not_fit_are_told_together_a_line_for_each_cell(tmp_path):
    index, output = index_of(tmp_path, SIZES), tmp_path / "sizes.json"
    Image.new("L", (48, 33)).save(tmp_path / "mask.png")
    demands = {
        "blur": Demands(kernel_side=31, kernel="the 31 x 31 kernel k.npy"),
        "cs": Demands(powers_of_two=True),
        "holes": Demands(mask=str(tmp_path / "mask.png")),
        "box": Demands(mask="box:0,0,30,30"),
        "fits": Demands(scale=2),
    }
    with pytest.raises(UserError) as caught:
        compare(index, output, positions=range(6), demands=demands)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        f"{index}: blur: the 31 x 31 kernel k.npy does not fit (2 of 6 pictures: d (29 x 47), "
        "f (35 x 21))"
    )
    assert [line.split(": ")[1] for line in lines] == ["blur", "cs", "holes", "box", "box"]
    assert "the mask" in lines[2]
    assert "has 48 x 33 pixels (4 of 6 pictures: b (40 x 40)" in lines[2]
    assert not output.exists()


def test_a_mask_for_each_picture_has_its_size(tmp_path):
    index, output = index_of(tmp_path, SIZES), tmp_path / "sizes.json"
    (tmp_path / "masks").mkdir()
    for name, (height, width) in SIZES.items():
        Image.new("L", (width, height)).save(tmp_path / f"masks/{name}.png")
    demands = {"holes": Demands(mask=str(tmp_path / "masks"))}
    compare(index, output, positions=range(6), demands=demands)
    Image.new("L", (40, 41)).save(tmp_path / "masks/e.png")
    with pytest.raises(UserError, match=r"masks/e.png has 40 x 41 pixels \(1 of 6 pictures: e"):
        compare(index, output, positions=range(6), demands=demands)
    compare(index, output, positions=[0, 1], demands=demands)


def test_a_mask_of_what_a_blur_lets_through_has_the_size_of_that(tmp_path):
    index, output = index_of(tmp_path, SIZES), tmp_path / "sizes.json"
    (tmp_path / "masks").mkdir()
    for name, (height, width) in SIZES.items():
        size = (-(-(width - 8) // 2), -(-(height - 8) // 2))
        Image.new("L", size).save(tmp_path / f"masks/{name}.png")
    holes = Demands(mask=str(tmp_path / "masks"), rim=8, sampled=2)
    assert Demands.from_text(holes.to_text()) == holes
    compare(index, output, positions=range(6), demands={"holes": holes})
    Image.new("L", (40, 40)).save(tmp_path / "masks/b.png")
    with pytest.raises(UserError, match=r"b.png has 40 x 40 pixels, what it masks 16 x 16"):
        compare(index, output, positions=range(6), demands={"holes": holes})
    box = Demands(mask="box:0,0,13,13", rim=8, sampled=2)
    with pytest.raises(UserError, match="box:0,0,13,13"):
        compare(index, output, positions=range(6), demands={"box": box})


def test_enlarged_pictures_are_told_by_height_and_width(tmp_path):
    content = {"name": "own", "source": {"folder": "x"}, "images": {"count": 6}}
    (tmp_path / "own.yaml").write_text(json.dumps(content))
    index = index_of(tmp_path, SIZES)
    files, pictures = {"images/own/index.tsv": index}, {"own": set(SIZES)}

    def told(size):
        entry = {"card": str(tmp_path / "own.yaml"), "image_size": size}
        return enlarged_pictures({"datasets": [entry]}, files, pictures)

    assert told("native") == []
    assert told([32, 32]) == told(32)
    assert told([20, 36]) == [
        "own: 2 of 6 pictures are smaller than 36 x 20: d (29 x 47), f (35 x 21)"
    ]
    assert len(read_index(index)) == 6
