"""The exact study in small: no method is better than the posterior, and its own draws are right."""

from __future__ import annotations

import pandas as pd
import pytest

METHODS = {"deblur_gauss": ("exact-mean", "exact", "ddrm"), "sr_bicubic": ("exact-mean",)}


@pytest.mark.workflow
def test_the_exact_study_tells_the_gaps_to_the_posterior(shipped):
    sheet = (shipped.folder / "config/exact.tsv").read_text().splitlines()
    lines = [line for line in sheet if not line.startswith("#")]
    kept = [lines[0]] + [
        line for line in lines[1:] for fields in [line.split("\t")]
        if (fields[5] or fields[4]) in METHODS[fields[1]]
    ]  # fmt: skip
    # The posterior of another prior than the pictures were drawn from: the mismatch has its gap.
    told = next(line for line in kept if "\texact-mean\t" in line).split("\t")
    told += [""] * (len(kept[0].split("\t")) - len(told))
    told[5] = "exact-told-mixture"
    kept = [f"{kept[0]}\tassumed_prior", *kept[1:], "\t".join([*told, "gaussian-mixture"])]
    (shipped.folder / "config/exact-small.tsv").write_text("\n".join(kept) + "\n")
    changes = ("--configfile", "config/exact.yaml", "--config")
    changes += ("experiments=config/exact-small.tsv", "name=exact-small")
    done = shipped.snakemake("--cores", "2", *changes)
    assert done.returncode == 0, done.stdout + done.stderr
    results = shipped.folder / "results/exact-small"
    gaps = pd.read_csv(results / "tables/exact.csv")
    means = gaps.set_index(["dataset", "task", "label", "metric"])["mean"].sort_index()
    for dataset in ("drawn-gaussian", "drawn-gaussian-mixture"):
        blur = means[dataset, "deblur_gauss"]
        # Eight pictures of 3072 numbers each: the mean's PSNR is within a fifth of a dB.
        assert abs(blur["exact-mean", "gap_psnr"]) < 0.2
        assert abs(means[dataset, "sr_bicubic", "exact-mean", "gap_psnr"]) < 0.4
        assert blur["exact", "gap_psnr"] == pytest.approx(3.01, abs=0.2)
        assert abs(blur["exact", "gap_psnr_sample"]) < 0.2
        assert abs(blur["exact", "gap_crps"]) < 0.05
        assert abs(blur["exact", "gap_spread"]) < 0.05
        assert blur["ddrm", "gap_psnr"] > 0.2
        assert blur["best", "best_psnr"] > 20
    wrong = means["drawn-gaussian", "deblur_gauss", "exact-told-mixture", "gap_psnr"]
    assert wrong > means["drawn-gaussian", "deblur_gauss", "exact-mean", "gap_psnr"] + 0.02
    table = pd.read_csv(results / "metrics.csv", dtype=str, keep_default_na=False)
    called = table.drop_duplicates("label").set_index("label")["assumed_prior"]
    assert called["exact-told-mixture"] == "gaussian-mixture"
    page = (results / "index.html").read_text()
    assert 'id="exact"' in page
    assert 'id="posterior"' in page
    again = shipped.planned(*changes)
    assert again == {}


@pytest.mark.slow
def test_the_whole_exact_study_plans(shipped):
    planned = shipped.planned("--configfile", "config/exact.yaml")
    assert planned["best_scores"] == 4
    assert planned["restore"] == 4 * (1 + 9 * 2)
