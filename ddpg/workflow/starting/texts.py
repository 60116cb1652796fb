"""The files of a new study, with gaps for its names."""

SNAKEFILE = """\
# The workflow comes with the package ddpg; rules of your own may follow.
from ddpg.files.shipped import shipped


include: shipped("Snakefile")


workflow.default_target = "all"
"""

CONFIG = """\
# A study of your own. Say what you would like to compare in config/experiments.tsv, and:
#
#     ddpg check                what it takes, before anything runs
#     snakemake --cores all     runs it; again after a change: runs what depends on it
#
# All keys, here and in the cards: config/README.md.

name: {name}
experiments: config/experiments.tsv

datasets:
  - card: {dataset}
    # The network: a small one that comes with the package. Others: docs/priors.md of the project.
    prior: dead-leaves
    # Pictures are prepared to this size, in pixels. Larger ones take longer, by their area.
    image_size: {size}
    # limit: 4              # only the first pictures, to try something

seed: 0
shard_size: 8               # pictures that one job restores

# LPIPS (lpips) needs a backbone from the web; where there is none, its column says so.
metrics: [psnr, ssim, haarpsi]
"""

CARD = """\
name: {dataset}
source:
  folder: {folder}
# Which pictures, their ids and checksums; made by `ddpg index-folder`. Only these are taken.
images: {index}
"""

SHEET_WORDS = """\
# One line for each data set, task, noise level and method. Columns are separated by tabs; a line
# that begins with # is a comment. An empty field takes what the method's authors recommend.
#
# task      sr_bicubic, deblur_gauss, motion_deblur, denoising, sr_average, colorization,
#           compressed_sensing, or a card in config/cards/degradations: blurs by your own kernels,
#           masks and borders. lens-blur and inpaint-centre come with the package.
# sigma_y   noise of what is observed, for pictures from 0 to 1: 0.05 is 13 of 255
# method    ddpg, idpg, ddrm, ddnm_plus, diffpir, pinv, bicubic and more, which are in
#           docs/methods.md of the project
# label     the name in tables; needed where a method appears twice in a cell
# steps     evaluations of the network for a picture: more take longer
#
# Any other hyper-parameter of a method may have a column of its own.
"""

HEADER = ("dataset", "task", "sigma_y", "method", "label", "steps")
ROWS = (
    ("sr_bicubic", "0.05", "ddpg", "ddpg-20", "20"),
    ("sr_bicubic", "0.05", "idpg", "idpg-20", "20"),
    ("sr_bicubic", "0.05", "bicubic", "", ""),
    ("motion_deblur", "0.05", "ddpg", "ddpg-20", "20"),
    ("motion_deblur", "0.05", "idpg", "idpg-20", "20"),
    ("motion_deblur", "0.05", "pinv", "", ""),
)
