"""The verb that restores people's pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import VerbMaker, set_threads
from ddpg.errors import UserError

TITLE = "pictures"
KERNEL = (
    "a PNG, TIFF or .npy file; or gaussian:STD, disk:RADIUS, line:LENGTH,ANGLE, motion:SIDE,SEED"
)


def add_verbs(verb: VerbMaker) -> None:
    restore = verb(
        _restore,
        "Restore pictures: blurred, noisy, too small, with missing pixels or colours.",
        "ddpg restore photo.jpg --task blur --kernel kernel.png --sigma-y 0.01 -o sharp.png",
    )
    add = restore.add_argument
    add("pictures", nargs="+", type=Path, metavar="PICTURE", help="files, and folders of them")
    add("--task", required=True, help="blur, sr_bicubic, sr_average, denoising, inpainting, ...")
    add("-o", "--output", type=Path, help="a file or a folder; default: beside, as NAME-restored")
    add("--kernel", help=f"of a blur: {KERNEL}")
    add("--border", default="cropped", help="cropped (default), reflect, replicate, zero, circular")
    add("--scale", type=int, help="how many times smaller the picture was made; default: 4")
    add("--mask", type=Path, help="a picture, white where pixels are known")
    add("--invert-mask", action="store_true", help="white where pixels are missing")
    add("--sigma-y", type=float, help="noise for values from 0 to 1; default: estimated")
    add("--method", help="default: the best for the task, docs/restoring.md")
    add("--prior", help="name or card; default: dead-leaves")
    add("--steps", type=int, help="evaluations of the network; default: 20 or 50, by task")
    another = add("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    another.help = "another hyper-parameter of the method; may be repeated"
    add("--samples", type=int, default=1, help="so many restorations, their mean and spread")
    add("--seed", type=int, default=0, help="of the random numbers; default: 0")
    add("--whole", action="store_true", help="with what lies outside the frame of a blur")
    add("--page", type=Path, help="an HTML page with before and after under a slider")
    add("--truth", type=Path, help="file or folder of true pictures; says PSNR, too")
    add("--force", action="store_true", help="overwrite files")
    add("--tile", type=int, help="side of the tiles that the network sees; default: the prior's")
    add("--device", help="such as cuda or cpu; default: a GPU where there is one")
    add("--threads", type=int, help="of the CPU; default: all")


def _check_together(options: argparse.Namespace) -> None:
    """Refuse options without those that they belong to, and files that are not there.

    Raises:
        UserError: naming the option or the file.
    """
    if options.invert_mask and options.mask is None:
        raise UserError("--invert-mask goes with --mask alone")
    if options.whole and (options.task, options.border) != ("blur", "cropped"):
        raise UserError("--whole goes with --task blur --border cropped alone")
    for path in (options.mask, options.truth):
        if path is not None and not path.exists():
            raise UserError(f"{path}: no such file")


def _restore(options: argparse.Namespace) -> int:
    from ddpg.pictures.kernels import read_kernel
    from ddpg.restoring.places import check_page, places
    from ddpg.restoring.requests import PRIOR, Request, split_setting

    _check_together(options)
    settings = dict(split_setting(text) for text in options.settings)
    if options.steps is not None:
        settings["steps"] = options.steps
    request = Request(
        task=options.task,
        kernel=None if options.kernel is None else read_kernel(options.kernel),
        kernel_name=options.kernel or "kernel",
        border=options.border,
        scale=options.scale,
        sigma_y=options.sigma_y,
        method=options.method,
        settings=settings,
        prior=options.prior or PRIOR,
        samples=options.samples,
        seed=options.seed,
        whole=options.whole,
        tile=options.tile,
    )
    request.check_mask(options.mask is not None)
    found = places(options.pictures, options.output)
    if options.page is not None:
        check_page(options.page, force=options.force)

    from ddpg.machine.devices import claimed_device
    from ddpg.restoring.command import Extras, restore_pictures

    set_threads(options.threads)
    extras = Extras(options.mask, options.invert_mask, options.truth, options.page, options.force)
    with claimed_device(options.device) as device:
        failed = restore_pictures(found, request, extras, device)
    return 1 if failed else 0
