"""The experiment sheet: cells, labels, and what bad rows get."""

import random
import re

import pytest

from ddpg.errors import UserError
from ddpg.study.names import number_name
from ddpg.study.sheet import _experiment, read_sheet

HEADER = "dataset\ttask\tsigma_y\tmethod\tlabel\toperator\tscale\tsteps\tgamma\tzeta"


def sheet(tmp_path, *rows, header=HEADER):
    path = tmp_path / "sheet.tsv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def read(tmp_path, *rows, **options):
    return read_sheet(sheet(tmp_path, *rows, **options), ["photos"])


def test_a_row_becomes_an_experiment(tmp_path):
    (experiment,) = read(tmp_path, "photos\tsr_bicubic\t0.05\tddpg\t\t\t\t20\t\t0.25")
    assert experiment.path == "photos/sr_bicubic-x4-svd/0.05/ddpg"
    assert experiment.hyper_parameters == {
        "steps": 20,
        "gamma": 10.0,
        "eta_tilde": 0.3,
        "xi": 1e-5,
        "scale_ls": 1.0,
        "step_size_mode": 1,
        "zeta": 0.25,
    }


def test_equal_numbers_are_one_experiment_however_they_are_written(tmp_path):
    first = read(tmp_path, "photos\tdeblur_gauss\t0.10\tddpg\t\t\t\t\t8")
    second = read(tmp_path, "photos\tdeblur_gauss\t1e-1\tddpg\t\t\t\t\t8.0")
    assert repr(first) == repr(second)


def test_labels_let_a_method_appear_twice(tmp_path):
    rows = [
        "photos\tdeblur_gauss\t0\tddpg",
        "# a comment, and an empty line",
        "",
        "photos\tdeblur_gauss\t0\tddpg\tddpg-20\t\t\t20",
    ]
    assert [e.label for e in read(tmp_path, *rows)] == ["ddpg", "ddpg-20"]


@pytest.mark.parametrize("label", ["DDRM", "Ddnm+", "DDNM_PLUS", "Pinv", "diffPIR", "idbp"])
def test_the_name_or_title_of_another_method_is_no_label(tmp_path, label):
    with pytest.raises(UserError, match=f"line 2: label: '{re.escape(label)}' is the name of"):
        read(tmp_path, f"photos\tdenoising\t0.1\tddpg\t{label}")


def test_a_method_may_have_its_own_title_as_label(tmp_path):
    (row,) = read(tmp_path, "photos\tdenoising\t0.1\tddpg\tDDPG")
    assert row.label == "DDPG"


def test_labels_that_differ_in_case_only_would_share_a_folder_on_some_systems(tmp_path):
    with pytest.raises(UserError, match="line 3: label: 'a' and 'A' differ in case only"):
        read(tmp_path, "photos\tdenoising\t0.1\tddpg\tA", "photos\tdenoising\t0.2\tddpg\ta")


def test_duplicated_rows_name_both_lines(tmp_path):
    rows = ["photos\tdeblur_gauss\t0\tddpg", "photos\tdeblur_gauss\t0.0\tddpg\t\tfft"]
    with pytest.raises(UserError, match=r"line 3: label: .*'ddpg' in line 2"):
        read(tmp_path, *rows)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            "faces\tdeblur_gauss\t0\tddpg",
            "dataset: unknown data set 'faces'; this study has: photos",
        ),
        ("photos\tdeblur\t0\tddpg", "task: unknown task 'deblur'"),
        ("photos\tdeblur_gauss\t-1\tddpg", r"sigma_y: must lie in \[0, 1\], got '-1'"),
        ("photos\tdeblur_gauss\tnan\tddpg", "sigma_y: must be a number, got 'nan'"),
        ("photos\tdeblur_gauss\t1e-400\tddpg", "sigma_y: must be a number, got '1e-400'"),
        ("photos\tdeblur_gauss\t0_0.1\tddpg", "sigma_y: must be a number, got '0_0.1'"),
        ("photos\tdeblur_gauss\t０.１\tddpg", "sigma_y: must be a number"),
        ("photos\tdeblur_gauss\t0\tdpg", "unknown method 'dpg'; known methods: .*ddpg.*plug-ins"),
        ("photos\tdeblur_gauss\t0\tddpg\t\t\t\t\tabc", "gamma must be a number, got 'abc'"),
        ("photos\tdeblur_gauss\t0\tddpg\t\t\t\t\t\t1.5", r"zeta must lie in \[0, 1\], got 1.5"),
        ("photos\tdeblur_gauss\t0\tddpg\t\t\t\t2.5", "steps must be an integer, got 2.5"),
        ("photos\tdeblur_gauss\t0\tpinv\t\t\t\t20", "pinv has no hyper-parameter 'steps'"),
        ("photos\tmotion_deblur\t0\tddpg\t\tsvd", "operator: motion_deblur .*'svd'.* fft"),
        ("photos\tsr_bicubic\t0\tddpg\t\t\t3", "scale: must be one of 2, 4, 8, got 3"),
        ("photos\tdeblur_gauss\t0\tddpg\t\t\t4", "scale: deblur_gauss has no scale"),
        ("photos\tdeblur_gauss\t0\tbicubic", "method: bicubic enlarges"),
        ("photos\tdeblur_gauss\t0\tddpg\t../x", "label: must match"),
        ("photos\tdeblur_gauss\t0\tpinv\tddpg", "label: 'ddpg' is the name of another method"),
        ("photos\tdeblur_gauss\t0\tddpg\tddnm+", r"label: 'ddnm\+' is the name of another"),
        ("photos\tdeblur_gauss\t0\tidpg\tpinv", "label: 'pinv' is the name of another method"),
        ("photos\tinpainting\t0\tddpg", "task: inpainting needs a mask"),
    ],
)
def test_bad_rows_name_line_column_and_what_is_allowed(tmp_path, row, expected):
    with pytest.raises(UserError, match=rf"sheet.tsv, line 2: {expected}"):
        read(tmp_path, row)


def test_all_bad_rows_are_told_at_once(tmp_path):
    rows = ["photos\tx\t0\tddpg", "photos\tdeblur_gauss\t0\ty"]
    with pytest.raises(UserError) as caught:
        read(tmp_path, *rows)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"{HEADER}\tgama", "unknown column 'gama'; allowed: .*gamma"),
        (f"{HEADER}\tgamma", "the column 'gamma' appears more than once"),
        ("dataset\ttask\tmethod", "the column 'sigma_y' is missing"),
    ],
)
def test_bad_columns(tmp_path, header, expected):
    with pytest.raises(UserError, match=expected):
        read(tmp_path, "photos\tdeblur_gauss\t0", header=header)


def test_empty_and_missing_sheets(tmp_path):
    with pytest.raises(UserError, match="holds no experiment"):
        read(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        read_sheet(tmp_path / "none.tsv", ["photos"])


def test_an_empty_field_is_the_recommended_value_of_the_row():
    from ddpg.samplers import recommended

    for method in ("ddpg", "idpg", "diffpir", "pinv", "ddrm"):
        for task, level in (("sr_bicubic", 0.01), ("deblur_gauss", 0.05), ("denoising", 0.0)):
            row = {"dataset": "photos", "task": task, "sigma_y": str(level), "method": method}
            experiment = _experiment(row, ["photos"], None)
            assert experiment.hyper_parameters == recommended(method, task=task, sigma_y=level)
            assert experiment.source


def test_what_a_row_or_the_study_says_stays(tmp_path):
    path = sheet(tmp_path, "photos\tsr_bicubic\t0.01\tddpg\t\t\t\t\t7")
    (experiment,) = read_sheet(path, ["photos"], steps=30)
    assert experiment.hyper_parameters["gamma"] == 7
    assert experiment.hyper_parameters["steps"] == 30
    assert experiment.hyper_parameters["eta_tilde"] == 1
    assert experiment.settings.startswith("steps=30, gamma=7, eta_tilde=1, ")
    assert experiment.settings.endswith("; Garber & Tirer, CVPR 2024, CelebA-HQ runs")


def test_a_row_without_empty_fields_names_no_source():
    row = {"dataset": "photos", "task": "denoising", "sigma_y": "0.1", "method": "pinv"}
    assert _experiment({**row, "eta_tilde": "2"}, ["photos"], None).settings == "eta_tilde=2"


@pytest.mark.parametrize(
    ("first", "second"), [("0.1234561", "0.1234564"), ("0.05", "0.05000000001"), ("1e-7", "1.1e-7")]
)
def test_noise_levels_that_differ_have_folders_of_their_own(tmp_path, first, second):
    rows = [f"photos\tdenoising\t{level}\tpinv" for level in (first, second)]
    one, other = read(tmp_path, *rows)
    assert one.path != other.path
    for experiment in (one, other):
        assert float(experiment.path.split("/")[2]) == experiment.cell.sigma_y


@pytest.mark.parametrize(
    ("value", "name"),
    [(0.0, "0"), (0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (4, "4"), (0.1234561, "0.1234561")],
)
def test_names_of_numbers(value, name):
    assert number_name(value) == name


def test_names_of_numbers_are_exact_and_what_pandas_reads():
    import pandas as pd

    generator = random.Random(0)  # noqa: S311
    numbers = [generator.random() * 10.0 ** -generator.randrange(9) for _ in range(2000)]
    names = [number_name(number) for number in numbers]
    assert [float(name) for name in names] == numbers
    assert list(pd.to_numeric(pd.Series(names)).astype(float)) == numbers


DRAWN = "dataset\ttask\tsigma_y\tmethod\tdraws"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ddrm\t0", "draws: must be a whole number from 1 to 1000, got '0'"),
        ("ddrm\t2.5", "draws: must be a whole number from 1 to 1000, got '2.5'"),
        ("ddrm\tmany", "draws: must be a number, got 'many'"),
        ("pinv\t3", "draws: pinv draws no random numbers"),
    ],
)
def test_draws_that_cannot_be_are_refused(tmp_path, row, message):
    with pytest.raises(UserError, match=re.escape(f"line 2: {message}")):
        read(tmp_path, f"photos\tdenoising\t0.1\t{row}", header=DRAWN)


def test_draws_are_left_to_the_study_where_a_row_says_none(tmp_path):
    rows = ["photos\tdenoising\t0.1\tddrm\t3", "photos\tdenoising\t0.1\tpinv\t"]
    assert [e.draws for e in read(tmp_path, *rows, header=DRAWN)] == [3, 0]


def test_used_values_are_exact_columns_that_say_where_they_come_from(tmp_path):
    row = "photos\tdeblur_gauss\t0.03\tddpg\t\tfft\t\t\t0.1234567890123456"
    (experiment,) = read_sheet(sheet(tmp_path, row), ["photos"], steps=7)
    assert experiment.columns["gamma"] == "0.1234567890123456"
    assert experiment.columns["steps"] == "7"
    paper = "Garber & Tirer, CVPR 2024, CelebA-HQ runs"
    between = f"recommended: {paper}, interpolated between the levels 0.01 and 0.05"
    assert experiment.column_origins == {
        **{"steps": "configuration", "gamma": "sheet", "eta_tilde": between, "xi": "default"},
        **{"scale_ls": "default", "step_size_mode": between, "zeta": between},
    }
    (published,) = read(tmp_path, "photos\tdeblur_gauss\t0.05\tddpg\t\tfft")
    assert published.column_origins["gamma"] == f"published: {paper}"
    (scaled,) = read(tmp_path, "photos\tsr_bicubic\t0\tdps\t\tsvd\t4")
    assert scaled.columns["guidance_scale"] == "0.3"


@pytest.mark.parametrize("label", ["observation", "Observation"])
def test_the_row_of_what_was_observed_is_no_label(tmp_path, label):
    with pytest.raises(UserError, match=r"line 2: label: .* is the row of what was observed"):
        read(tmp_path, f"photos\tdenoising\t0.1\tddpg\t{label}")
