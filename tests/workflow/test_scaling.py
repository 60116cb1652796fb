"""Planning costs the same for every job, however many there are: counted, not timed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.workflow

COUNTER = """
import collections, gc, json, sys
import snakemake.cli

calls = collections.Counter()

def count(frame, event, argument):
    if event != "call":
        return
    code = frame.f_code
    calls["all"] += 1
    own = code.co_filename.endswith((".smk", "ddpg/workflow/inputs.py"))
    if own and not code.co_name.startswith(("<", "_")):
        calls[code.co_name] += 1
    elif code.co_name == "planned" and "ddpg/jobs/" in code.co_filename:
        calls["planned " + frame.f_locals["cls"].__name__] += 1
    elif code.co_name == "_signature_from_function":
        code = getattr(frame.f_locals["func"], "__code__", None)
        calls["signatures"] += code is not None and code.co_filename.endswith(".smk")

sys.argv = ["snakemake", *sys.argv[1:]]
sys.setprofile(count)
try:
    snakemake.cli.main()
except SystemExit as end:
    sys.setprofile(None)
    assert not end.code
print("COUNTED", json.dumps(calls | {"threshold": gc.get_threshold()[0]}))
"""

TASKS = ("sr_bicubic", "deblur_gauss")
METHODS = ("pinv", "ddpg")
SIZES = (5, 10, 20)


@pytest.fixture(scope="module")
def calls(shipped) -> dict[int, dict[str, int]]:
    """The calls of functions in dry runs of a study, by its shards per row."""
    return {shards: counted(shipped, shards) for shards in SIZES}


def counted(project, shards: int) -> dict[str, int]:
    """The calls in a dry run of a study in shards of one image."""
    config = project.folder / "config"
    card = f"name: many\nsource: {{folder: pictures}}\nimages: {{count: {shards}}}\n"
    (config / "cards/datasets/many.yaml").write_text(card)
    (project.folder / "pictures").mkdir(exist_ok=True)
    rows = [f"many\t{task}\t0.05\t{method}\n" for task in TASKS for method in METHODS]
    (config / "many.tsv").write_text("dataset\ttask\tsigma_y\tmethod\n" + "".join(rows))
    study = {"name": "many", "experiments": "config/many.tsv", "shard_size": 1, "limit": None}
    study |= {"metrics": ["psnr"], "datasets": [{"card": "many", "image_size": 64}]}
    (config / "many.yaml").write_text(yaml.safe_dump(study))
    arguments = ["-n", "--quiet", "rules", "--configfile", "config/many.yaml"]
    options = project.process_options()
    # The order of sets, and with it the number of comparisons, is the same in all runs.
    options["env"] |= {"PYTHONHASHSEED": "0"}
    command = [sys.executable, "-c", COUNTER, *arguments, "--", "results/many/metrics.csv"]
    result = subprocess.run(command, **options)
    assert "COUNTED" in result.stdout, result.stderr
    return json.loads(result.stdout.partition("COUNTED ")[2].splitlines()[0])


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
        # Of preparation, observations, restorations and evaluations.
        "spec": 1 + len(TASKS) + 2 * restored,
    }
    assert {name: added(calls, name, 10, 20) for name in expected} == expected


def test_shards_of_an_experiment_share_a_spec(calls):
    for name in ("planned Restoration", "planned Evaluation"):
        assert [calls[size][name] for size in SIZES] == [len(TASKS) * len(METHODS)] * len(SIZES)


def test_no_function_is_inspected_for_every_job(calls):
    assert added(calls, "signatures", 5, 20) == 0


def test_what_the_study_asks_for_is_settled_once(calls):
    assert {calls[size]["backbone"] for size in SIZES} == {1}


def test_garbage_is_looked_for_seldom(calls):
    assert calls[SIZES[0]]["threshold"] >= 10_000
