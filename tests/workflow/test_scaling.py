"""Planning costs the same for every job, however many there are: counted, not timed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.workflow

COUNTER = """
import atexit, cProfile, collections, gc, importlib, inspect, json, os, sys
from starter import IMPORTED

for module in IMPORTED:
    importlib.import_module(module)
import snakemake.cli

calls = collections.Counter()
from_function = inspect._signature_from_function

def signature(cls, function, *arguments, **options):
    code = getattr(function, "__code__", None)
    calls["signatures"] += code is not None and code.co_filename.endswith(".smk")
    return from_function(cls, function, *arguments, **options)

inspect._signature_from_function = signature

def run(arguments):
    sys.argv = ["snakemake", *arguments]
    profile = cProfile.Profile(subcalls=False, builtins=False)
    try:
        profile.runcall(snakemake.cli.main)
    except SystemExit as end:
        assert not end.code
    for code, number in ((entry.code, entry.callcount) for entry in profile.getstats()):
        calls["all"] += number
        own = code.co_filename.endswith((".smk", "ddpg/workflow/inputs.py"))
        if own and not code.co_name.startswith(("<", "_")):
            calls[code.co_name] += number
        elif code.co_name == "planned" and "ddpg/jobs/" in code.co_filename:
            calls["planned " + code.co_qualname.partition(".")[0]] += number
    print("COUNTED", json.dumps(calls | {"threshold": gc.get_threshold()[0]}), flush=True)

for arguments in json.loads(sys.argv[1]):
    copy = os.fork()  # what is imported so far is not counted, and all runs begin alike
    if copy == 0:
        run(arguments)
        atexit._run_exitfuncs()  # what was found out of the code is written down
        os._exit(0)
    assert os.waitpid(copy, 0)[1] == 0
"""

ROOT = Path(__file__).parents[2]
TASKS = ("sr_bicubic", "deblur_gauss")
METHODS = ("pinv", "ddpg")
SIZES = (5, 10, 20)


@pytest.fixture(scope="module")
def calls(shipped) -> dict[int, dict[str, int]]:
    """The calls of functions in dry runs of a study, by its shards per row."""
    options = shipped.process_options()
    search = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    # The order of sets, and with it the number of comparisons, is the same in all runs.
    options["env"] |= {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(search)}
    # The first run reads the code, which the others remember.
    runs = json.dumps([dry_run(shipped.folder, shards) for shards in (SIZES[0], *SIZES)])
    result = subprocess.run([sys.executable, "-c", COUNTER, runs], **options)
    assert result.returncode == 0, result.stderr
    found = re.findall("^COUNTED (.*)$", result.stdout, re.MULTILINE)
    return dict(zip(SIZES, map(json.loads, found[1:]), strict=True))


def dry_run(folder: Path, shards: int) -> list[str]:
    """The arguments of Snakemake for a study in shards of one image, which is laid out."""
    config = folder / "config"
    name = f"many-{shards}"
    card = f"name: many\nsource: {{folder: pictures-{shards}}}\nimages: {{count: {shards}}}\n"
    (config / f"cards/datasets/{name}.yaml").write_text(card)
    (folder / f"pictures-{shards}").mkdir(exist_ok=True)
    for number in range(shards):
        (folder / f"pictures-{shards}/{number}.png").touch()
    rows = [f"many\t{task}\t0.05\t{method}\n" for task in TASKS for method in METHODS]
    (config / "many.tsv").write_text("dataset\ttask\tsigma_y\tmethod\n" + "".join(rows))
    dataset = {"card": f"config/cards/datasets/{name}.yaml", "image_size": 64}
    study = {"name": "many", "experiments": "config/many.tsv", "shard_size": 1, "limit": None}
    study |= {"metrics": ["psnr"], "datasets": [dataset]}
    (config / f"{name}.yaml").write_text(yaml.safe_dump(study))
    file = f"config/{name}.yaml"
    return ["-n", "--quiet", "rules", "--configfile", file, "--", "results/many/metrics.csv"]


def added(calls: dict[int, dict[str, int]], name: str, smaller: int, larger: int) -> float:
    """Calls of a function for a further shard of each row."""
    return (calls[larger].get(name, 0) - calls[smaller].get(name, 0)) / (larger - smaller)


def test_a_further_job_costs_the_same_at_every_size(calls):
    first, second = added(calls, "all", 5, 10), added(calls, "all", 10, 20)
    assert second == pytest.approx(first, rel=0.05)


def test_functions_are_called_once_for_each_job(calls):
    restored = len(TASKS) * len(METHODS)
    expected = {
        "source_pictures": 1,
        "index": 1,
        "observed_truth": len(TASKS),
        "observations": restored,
        "weights": restored,
        "classifier": restored,
        "restored_truth": restored,
        # Of preparation, observations and their evaluation, restorations and theirs.
        "spec": 1 + 2 * len(TASKS) + 2 * restored,
    }
    assert {name: added(calls, name, 10, 20) for name in expected} == expected


def test_shards_of_an_experiment_share_a_spec(calls):
    for name in ("planned Restoration", "planned Evaluation"):
        assert [calls[size][name] for size in SIZES] == [len(TASKS) * len(METHODS)] * len(SIZES)


def test_no_function_is_inspected_for_every_job(calls):
    assert added(calls, "signatures", 5, 20) == 0


def test_what_the_study_asks_for_is_settled_once_by_each_rule(calls):
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    assert {calls[size]["backbone"] for size in SIZES} == {text.count("inputs.backbone(")}


def test_garbage_is_looked_for_seldom(calls):
    assert calls[SIZES[0]]["threshold"] >= 10_000
