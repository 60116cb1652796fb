"""What `pyproject.toml` cannot say: a wheel carries the workflow, its profiles and cards.

They lie around the package in a checkout, as Snakemake's conventions have it; in a wheel they are a
folder of the package, where `ddpg.files.shipped` looks for them.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
_DATASETS = ("celeba_hq", "ffhq", "imagenet", "photographs", "skimage-photos")
CARRIED = (
    *("Snakefile", "rules", "profiles", "report"),
    *(f"config/cards/datasets/{name}.yaml" for name in _DATASETS),
    *("config/protocols", "config/paper.tsv", "config/published_results.csv"),
    *("config/cards/degradations", "config/README.md", "ddpg/comparison/captions"),
)
"""The captions lie where the rules look for them, beside the folder of the rules."""


class BuildWithWorkflow(build_py):
    """Builds the package, and the workflow within it unless the checkout itself is installed."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for source, target in self._carried().items():
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def get_outputs(self, include_bytecode=True):
        return [*super().get_outputs(include_bytecode), *self._carried().values()]

    def _carried(self):
        folder = Path(self.build_lib, "ddpg", "__workflow__")
        files = [
            file
            for name in CARRIED
            for file in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
            if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
        ]
        return {str(file): str(folder / file.relative_to(ROOT)) for file in sorted(files)}


setup(cmdclass={"build_py": BuildWithWorkflow})
