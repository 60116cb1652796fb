"""Metrics: against other libraries, closed forms, and the real LPIPS on a backbone of our own."""

from __future__ import annotations

import hashlib
import http.server
import json
import math
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import piq
import pytest
import torch
import torchvision
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from ddpg.errors import MetricUnavailable
from ddpg.metrics import backbones
from ddpg.metrics.measures import (
    LPIPS_SMALLEST,
    haarpsi,
    lpips,
    psnr,
    psnr_of_8_bits,
    ssim,
)

METRICS = {
    "psnr": psnr,
    "psnr_8bit": psnr_of_8_bits,
    "ssim": ssim,
    "haarpsi": haarpsi,
    "lpips": lpips,
}
PUBLISHED = dict(backbones.BACKBONES)  # before the fixture puts random ones in their place
CLASSIFIERS = {"alex": "alexnet", "squeeze": "squeezenet1_1", "vgg": "vgg16"}


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    """Smooth references and noisy versions of them, (3, 3, 40, 48)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(3, 3, 5, 6, generator=generator, dtype=torch.float64)
    reference = torch.nn.functional.interpolate(coarse, scale_factor=8, mode="bicubic").clamp(0, 1)
    noise = torch.randn(reference.shape, generator=generator, dtype=torch.float64)
    levels = torch.tensor([0.02, 0.1, 0.3], dtype=torch.float64)[:, None, None, None]
    return (reference + levels * noise).clamp(0, 1), reference


def _backbone(net: str, folder: Path) -> str:
    """Write a seeded random classifier the way torchvision publishes one; returns its name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        state = getattr(torchvision.models, CLASSIFIERS[net])(weights=None).state_dict()
    if net != "squeeze":  # LPIPS never reads the fully connected layers, which are most of the file
        state = {name: value for name, value in state.items() if name.startswith("features")}
    torch.save(state, folder / "random.pth")
    digits = hashlib.sha256((folder / "random.pth").read_bytes()).hexdigest()[:8]
    return (folder / "random.pth").rename(folder / f"{CLASSIFIERS[net]}-{digits}.pth").name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of backbones that counts as the published one."""
    folder = tmp_path_factory.mktemp("backbones")
    with pytest.MonkeyPatch.context() as patch:
        for net in ("alex", "squeeze"):
            patch.setitem(backbones.BACKBONES, net, _backbone(net, folder))
        patch.setenv(backbones.FOLDER_VARIABLE, str(folder))
        yield folder


def test_psnr_is_scikit_images(pair: tuple[Tensor, Tensor]) -> None:
    expected = [
        peak_signal_noise_ratio(b.numpy(), a.numpy(), data_range=1)
        for a, b in zip(*pair, strict=True)
    ]
    torch.testing.assert_close(
        psnr(*pair, data_range=1.0), torch.tensor(expected, dtype=torch.float64)
    )


def test_psnr_by_hand() -> None:
    reference = torch.zeros(2, 3, 4, 4)
    restored = torch.stack([torch.full((3, 4, 4), 0.1), torch.zeros(3, 4, 4)])
    values = psnr(restored, reference, data_range=1.0)
    assert values.dtype == torch.float64
    assert values[0].item() == pytest.approx(20, abs=1e-6)
    assert values[1].item() == float("inf")
    wider = psnr(restored, reference, data_range=2.0)
    assert wider[0].item() == pytest.approx(20 + 20 * np.log10(2), abs=1e-6)


@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_ssim_is_piqs(pair: tuple[Tensor, Tensor], data_range: float) -> None:
    scaled = [data_range * image for image in pair]
    expected = piq_ssim(*scaled, data_range=data_range)
    torch.testing.assert_close(ssim(*scaled, data_range=data_range), expected, atol=1e-12, rtol=0)


@pytest.mark.slow
def test_ssim_of_large_images_is_not_reduced_first() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.rand(2, 1, 3, 400, 400, generator=generator, dtype=torch.float64)
    expected = piq_ssim(a, b, data_range=1.0)
    torch.testing.assert_close(ssim(a, b, data_range=1.0), expected, atol=1e-12, rtol=0)


def piq_ssim(restored: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """SSIM of another library."""
    return piq.ssim(
        restored,
        reference,
        kernel_size=11,
        kernel_sigma=1.5,
        data_range=data_range,
        reduction="none",
        downsample=False,
    )


def test_haarpsi_is_piqs_and_one_for_equal_images(pair: tuple[Tensor, Tensor]) -> None:
    values = haarpsi(*pair, data_range=1.0)
    torch.testing.assert_close(values, piq.haarpsi(*pair, reduction="none"))
    assert values.diff().max() < 0  # the noise grows along the batch
    same = haarpsi(pair[1], pair[1], data_range=1.0)
    torch.testing.assert_close(same, torch.ones(3, dtype=torch.float64))


def test_haarpsi_of_black_images_is_that_of_equal_ones() -> None:
    black = torch.zeros(1, 3, 32, 32)
    assert haarpsi(black, black, data_range=1.0).tolist() == [1.0]
    assert haarpsi(black, black + 1e-9, data_range=1.0).item() == pytest.approx(1, abs=1e-6)


def test_psnr_of_8_bits_is_that_of_the_written_files(pair: tuple[Tensor, Tensor]) -> None:
    """Of uint8 arrays, as the script of DiffPIR has it, with and without an edge."""
    for border in (0, 4):
        arrays = [(255 * images).round().numpy().astype(np.uint8) for images in pair]
        if border:
            arrays = [array[..., border:-border, border:-border] for array in arrays]
        expected = [
            20 * math.log10(255 / math.sqrt(((a.astype(float) - b) ** 2).mean()))
            for a, b in zip(*arrays, strict=True)
        ]
        values = psnr_of_8_bits(*pair, data_range=1.0, border=border)
        np.testing.assert_allclose(values, expected, atol=1e-10)
    assert not torch.allclose(values, psnr(*pair, data_range=1.0), atol=1e-3)


@pytest.mark.slow
def test_lpips_with_averages_is_that_of_piq(folder: Path, pair: tuple[Tensor, Tensor]) -> None:
    """piq's loss with ``replace_pooling``, which takes [0, 1], with heads of LPIPS 0.1; here on a
    small network."""
    import lpips as package

    with torch.device("meta"):
        network = torchvision.models.AlexNet().features
    state = torch.load(folder / backbones.BACKBONES["alex"], weights_only=True)
    state = {n.removeprefix("features."): value.double() for n, value in state.items()}
    network.load_state_dict(state, assign=True)
    weights = Path(package.__file__).parent / "weights/v0.1/alex.pth"
    heads = torch.load(weights, weights_only=True, map_location="cpu")
    expected = piq.ContentLoss(
        network,
        layers=["1", "4", "7", "9", "11"],
        weights=[heads[f"lin{number}.model.1.weight"].double() for number in range(5)],
        replace_pooling=True,
        reduction="none",
        normalize_features=True,
    )
    values = lpips(*pair, data_range=1.0, pooling="average")
    torch.testing.assert_close(values, expected(*pair).flatten(), atol=1e-6, rtol=1e-5)
    assert not torch.allclose(values, lpips(*pair, data_range=1.0), rtol=1e-2)
    with pytest.raises(ValueError, match="pooling must be max or average, got 'median'"):
        lpips(*pair, data_range=1.0, pooling="median")


@pytest.mark.usefixtures("folder")
def test_lpips_of_what_is_not_scaled_is_that_of_half_the_contrast(
    pair: tuple[Tensor, Tensor],
) -> None:
    """The network is given [0, 1]: as if pictures lay between grey and white."""
    brighter = [0.5 + images / 2 for images in pair]
    expected = lpips(*brighter, data_range=1.0)
    torch.testing.assert_close(lpips(*pair, data_range=1.0, black=0.0), expected)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["alex", "squeeze"])
def test_lpips_is_the_packages(folder: Path, pair: tuple[Tensor, Tensor], net: str) -> None:
    """The package assembles heads and slices by itself; our weights are then poured in by name."""
    import lpips as package

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = package.LPIPS(net=net, pnet_rand=True, verbose=False).double()
    state = torch.load(folder / backbones.BACKBONES[net], weights_only=True)
    for name, parameter in expected.net.named_parameters():
        parameter.data.copy_(state["features." + name.split(".", 1)[1]])
    restored, reference = pair
    with torch.no_grad():
        values = expected(restored, reference, normalize=True).flatten()
    torch.testing.assert_close(lpips(*pair, data_range=1.0, net=net), values, atol=1e-12, rtol=0)
    assert values.diff().min() > 0


@pytest.mark.usefixtures("folder")
def test_lpips_of_equal_images_is_zero_on_any_scale(pair: tuple[Tensor, Tensor]) -> None:
    same = lpips(pair[1], pair[1], data_range=1.0)
    assert same.tolist() == [0, 0, 0]
    bytes_scale = lpips(255 * pair[0], 255 * pair[1], data_range=255.0)
    torch.testing.assert_close(bytes_scale, lpips(*pair, data_range=1.0))


@pytest.mark.slow
def test_lpips_is_quiet_and_leaves_random_numbers_alone(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backbones.lpips_network("alex", folder / backbones.BACKBONES["alex"])
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.slow
def test_lpips_heads_are_the_published_ones(folder: Path) -> None:
    """Size and sign of the first head (lpips 0.1.4, version 0.1), which no random weights share."""
    network = backbones.lpips_network("alex", folder / backbones.BACKBONES["alex"])
    first = network.lin0.model[1].weight
    assert bool((first >= 0).all())
    assert torch.equal(network.lins[0].model[1].weight, first)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("net", ["alex", "squeeze"])
def test_smallest_lpips_image(net: str) -> None:
    side = LPIPS_SMALLEST[net]
    images = torch.rand(2, 1, 3, side, side, generator=torch.Generator().manual_seed(0))
    assert lpips(*images, data_range=1.0, net=net).item() > 0
    with pytest.raises(MetricUnavailable, match=f"at least {side} x {side}"):
        lpips(*images[..., 1:], data_range=1.0, net=net)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", METRICS)
def test_batch_is_one_value_per_image(pair: tuple[Tensor, Tensor], name: str) -> None:
    metric = partial(METRICS[name], data_range=1.0)
    alone = torch.cat([metric(a[None], b[None]) for a, b in zip(*pair, strict=True)])
    torch.testing.assert_close(metric(*pair), alone, atol=1e-12, rtol=1e-12)
    assert alone.dtype == torch.float64
    assert alone.shape == (3,)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", METRICS)
def test_float32_images_are_measured_in_float64(pair: tuple[Tensor, Tensor], name: str) -> None:
    single = [image.float() for image in pair]
    values = METRICS[name](*single, data_range=1.0)
    double = METRICS[name](*(image.double() for image in single), data_range=1.0)
    assert torch.equal(values, double)


@pytest.mark.parametrize("name", METRICS)
def test_what_is_no_image_is_refused(pair: tuple[Tensor, Tensor], name: str) -> None:
    metric, (a, b) = METRICS[name], pair
    with pytest.raises(ValueError, match="one shape"):
        metric(a[:1], b, data_range=1.0)
    with pytest.raises(ValueError, match="floating point"):
        metric(a.byte(), b, data_range=1.0)
    with pytest.raises(ValueError, match="data_range"):
        metric(a, b, data_range=0.0)
    with pytest.raises(MetricUnavailable, match="NaN"):
        metric(a * float("nan"), b, data_range=1.0)
    with pytest.raises(TypeError):
        metric(a, b)


@pytest.mark.parametrize("name", ["ssim", "haarpsi", "lpips"])
def test_range_and_size_are_checked(pair: tuple[Tensor, Tensor], name: str) -> None:
    a, b = pair
    with pytest.raises(ValueError, match=r"restored must lie in \[0, 1\] \(clamp it first\)"):
        METRICS[name](a - 0.5, b, data_range=1.0)
    with pytest.raises(MetricUnavailable, match="got 40 x 8"):
        METRICS[name](a[..., :8], b[..., :8], data_range=1.0)


def test_unknown_net_lists_the_known(pair: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(ValueError, match="alex, squeeze, vgg, got 'resnet'"):
        lpips(*pair, data_range=1.0, net="resnet")


def test_missing_backbone_says_what_to_do(
    tmp_path: Path, pair: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(backbones.FOLDER_VARIABLE, str(tmp_path / "named"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    name = backbones.BACKBONES["vgg"]
    with pytest.raises(MetricUnavailable, match=rf"needs {name}.*named.*torch.*DDPG_BACKBONES"):
        lpips(*pair, data_range=1.0, net="vgg")
    with pytest.raises(MetricUnavailable, match="elsewhere"):
        lpips(*pair, data_range=1.0, net="vgg", backbone=tmp_path / "elsewhere")


def test_torch_hubs_cache_is_searched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(backbones.FOLDER_VARIABLE)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    name = backbones.BACKBONES["alex"]
    target = tmp_path / "hub" / "checkpoints" / name
    target.parent.mkdir(parents=True)
    target.symlink_to(folder / name)
    assert backbones.find_backbone("alex") == target


def test_backbone_under_another_name_is_taken_for_its_contents(
    folder: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "mine.pth"
    renamed.symlink_to(folder / backbones.BACKBONES["squeeze"])
    assert backbones.find_backbone("squeeze", renamed) == renamed
    with pytest.raises(MetricUnavailable, match="its sha256 begins with"):
        backbones.find_backbone("alex", renamed)


def test_published_backbones() -> None:
    assert PUBLISHED == {
        "alex": "alexnet-owt-7be5be79.pth",
        "brisque": "brisque_svm_weights.pt",
        "dists": "dists_weights.pt",
        "inception": "pt_inception-2015-12-05-6726825d.pth",
        "squeeze": "squeezenet1_1-b8a52dc0.pth",
        "vgg": "vgg16-397923af.pth",
    }


@pytest.mark.parametrize("damage", ["missing", "shape", "not a checkpoint"])
def test_other_networks_are_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    state = torch.load(folder / backbones.BACKBONES["squeeze"], weights_only=True)
    if damage == "missing":
        del state["features.3.squeeze.bias"]
    if damage == "shape":
        state["features.3.squeeze.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "other.pth")
    if damage == "not a checkpoint":
        (tmp_path / "other.pth").write_bytes(b"not a checkpoint")
    reason = "not a checkpoint" if damage == "not a checkpoint" else r"features\.3\.squeeze\.bias"
    with pytest.raises(MetricUnavailable, match=rf"other\.pth: .*{reason}"):
        backbones.lpips_network("squeeze", tmp_path / "other.pth")


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    """Address of a local server that offers the folder of backbones."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    ) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/"
        served.shutdown()


@pytest.mark.slow
def test_backbone_is_fetched_once(folder: Path, server: str, tmp_path: Path) -> None:
    path = backbones.fetch_backbone("squeeze", tmp_path / "new", address=server)
    assert path.read_bytes() == (folder / path.name).read_bytes()
    again = backbones.fetch_backbone("squeeze", tmp_path / "new", address="http://127.0.0.1:9/")
    assert again == path
    assert list(path.parent.iterdir()) == [path]


def test_the_reason_is_short_and_without_paths_of_the_machine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ddpg")
    with pytest.raises(MetricUnavailable) as error:
        backbones.fetch_backbone("vgg", tmp_path, address="http://127.0.0.1:9/", retries=0)
    assert str(error.value) == (
        "cannot download http://127.0.0.1:9/vgg16-397923af.pth (cannot be reached); a folder that "
        "has it can be named in $DDPG_BACKBONES"
    )
    assert str(tmp_path) in caplog.text  # what only this machine's user needs
    other = tmp_path / "vgg16-397923af.pth"
    other.write_bytes(b"another file")
    with pytest.raises(MetricUnavailable, match="its sha256 begins with") as wrong:
        backbones.fetch_backbone("vgg", tmp_path)
    assert str(tmp_path) not in str(wrong.value)


@pytest.mark.slow
def test_fetch_that_fails_leaves_nothing(server: str, tmp_path: Path) -> None:
    with pytest.raises(MetricUnavailable, match=r"cannot download http.*:9/vgg16-397923af"):
        backbones.fetch_backbone("vgg", tmp_path, address="http://127.0.0.1:9/", backoff=0.01)
    with pytest.raises(MetricUnavailable, match=r"404 Not Found.*\$DDPG_BACKBONES"):
        backbones.fetch_backbone("vgg", tmp_path, address=server)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_fetched_file_of_other_contents_is_kept_aside(
    folder: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "squeezenet1_1-00000000.pth"
    (folder / name).write_bytes(b"another file")
    monkeypatch.setitem(backbones.BACKBONES, "squeeze", name)
    with pytest.raises(MetricUnavailable, match="begins with 00000000") as caught:
        backbones.fetch_backbone("squeeze", tmp_path, address=server)
    assert hashlib.sha256(b"another file").hexdigest() in str(caught.value)
    assert "\n" not in str(caught.value)  # it becomes a field of a table
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.sha256-mismatch"]


def test_the_backbone_that_is_found_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr(backbones, "fetch_backbone", lambda net, **_: tmp_path / f"{net}.pth")
    backbones.record_backbone("alex", tmp_path / "alex.json")
    found = json.loads((tmp_path / "alex.json").read_text())
    assert found == {"file": str(tmp_path / "alex.pth"), "reason": None}


def test_the_reason_why_there_is_no_backbone_is_written_down(tmp_path, monkeypatch):
    def fetch(net, **_):
        raise MetricUnavailable(f"{net} is behind a wall")

    monkeypatch.setattr(backbones, "fetch_backbone", fetch)
    backbones.record_backbone("vgg", tmp_path / "vgg.json")
    found = json.loads((tmp_path / "vgg.json").read_text())
    assert found == {"file": None, "reason": "vgg is behind a wall"}
