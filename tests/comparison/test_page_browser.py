"""The page in a real browser: sort, switch, slide, zoom, filter, keys, small screens.

Needs Playwright (``pip install playwright``) and a Chromium or a Firefox of the system, such as
Debian's. What a page must do in every browser is tried in both.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ddpg.comparison.grids import OBSERVATION, TRUTH
from ddpg.comparison.page.page import write_page
from ddpg.comparison.pictures import data_uri, kernel_picture
from ddpg.jobs.comparison import Page

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = playwright.expect
PATIENCE = 120_000
"""Milliseconds for what takes some ten on a machine that nobody else uses."""
expect.set_options(timeout=PATIENCE)
pytestmark = pytest.mark.slow
in_both = pytest.mark.parametrize("browser", ["chromium", "firefox"], indirect=True)

ODD = '<b>odd</b> & "quoted"/50%'
IMAGES = {"photos": [ODD, *(f"photo_{n:02d}" for n in range(1, 40))], "others": ["one"]}
SHOWN = 3
CELLS = [
    ("photos", "motion_deblur", "", 0.05), ("photos", "motion_deblur", "", 0.1),
    ("photos", "sr_bicubic", "4", 0.05), ("others", "deblur_gauss", "", 0),
]  # fmt: skip
LEVELS = {"ddpg": 30.0, "ddpg-20": 25.0, "pinv": 20.0}
SIDE = 32


def metric_rows():
    """PSNR falls with the number of the image, slower for pinv, which is last all the same."""
    for dataset, task, scale, sigma in CELLS:
        for label, level in LEVELS.items():
            if dataset == "others" and label == "ddpg-20":
                continue
            base = {"dataset": dataset, "task": task, "operator": "fft", "scale": scale}
            base |= {"sigma_y": sigma, "method": label.split("-")[0], "label": label}
            for number, image in enumerate(IMAGES[dataset]):
                psnr = level - number * (0.05 if label == "pinv" else 0.1) - 10 * sigma
                values = {"psnr": psnr, "ssim": 1 - level / 100, "seconds": level, "haarpsi": ""}
                for metric, value in values.items():
                    note = "" if value != "" else "no <i>wavelets</i>"
                    yield base | {"image": image, "metric": metric, "value": value, "note": note}


def grid(dataset, task, scale, sigma):
    rows = []
    for number, image in enumerate(IMAGES[dataset][:SHOWN]):
        shades = dict.fromkeys((TRUTH, *LEVELS), np.full((SIDE, SIDE, 3), 50 * number, np.uint8))
        if dataset == "others":
            shades.pop("ddpg-20")
        small = SIDE // int(scale or 1)
        pictures = shades | {OBSERVATION: np.full((small, small, 3), 200, np.uint8)}
        kernel = data_uri(kernel_picture(np.eye(9))) if task == "motion_deblur" else None
        rows.append({
            "image": image, "width": SIDE, "height": SIDE, "kernel": kernel,
            "detail": {"top": 8, "left": 16, "side": 4},
            "tiles": {label: data_uri(picture) for label, picture in pictures.items()},
        })  # fmt: skip
    degradation = f"{task}-x{scale}-fft" if scale else f"{task}-fft"
    return {"cell": f"{dataset}/{degradation}/{sigma}", "rows": rows}


def write_study(folder, metrics, grids):
    metrics.to_csv(folder / "metrics.csv", index=False)
    (folder / "provenance.json").write_text(json.dumps({"study": "a <em>study</em>"}))
    paths = [folder / f"grid-{number}.json" for number in range(len(grids))]
    for path, content in zip(paths, grids, strict=True):
        path.write_text(json.dumps(content))
    places = {"provenance": folder / "provenance.json", "output": folder / "index.html"}
    write_page(Page(metrics=folder / "metrics.csv", figures=(), grids=tuple(paths), **places))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    grids = [grid(*cell) for cell in CELLS]
    return write_study(tmp_path_factory.mktemp("page"), pd.DataFrame(metric_rows()), grids)


@pytest.fixture
def open_page(browser):
    """Open a page; at the end it must have been quiet, and must have asked for nothing."""
    pages, noise = [], []

    def visit(address, width=1280, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("request", lambda request: requests.append(request.url))
        requests: list[str] = []
        pages.append((context, requests))
        page.goto(address)
        page.wait_for_selector("#gallery[aria-busy=false]", state="attached")
        return page

    yield visit
    for context, requests in pages:
        context.close()
        noise += [url for url in requests if not url.startswith(("file:", "data:"))]
    assert not noise


@pytest.fixture
def page(open_page, address):
    return open_page(address)


def first_column(page):
    return page.locator("#tables .view:visible").first.locator(
        "[data-metric]:not([hidden]) tbody th"
    ).all_inner_texts()  # fmt: skip


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def scale_of(page, side):
    matrix = page.evaluate(f"getComputedStyle(byId('{side}')).transform")
    return [float(number) for number in re.findall(r"-?[\d.]+", matrix)]


def bounds(element):
    return element.bounding_box()


def at_first_photo(page):
    page.select_option("#pick-dataset", "photos")
    page.select_option("#pick-task", "motion_deblur-fft")
    page.select_option("#pick-noise", "0.05")


def test_columns_sort_by_mouse_and_keys(page):
    page.check("input[name=dataset][value=others]")
    assert first_column(page) == ["DDPG", "Pinv"]
    head = page.locator("#tables .view:visible").first.locator("thead th").nth(1)
    button = head.locator("button")
    button.click()
    assert (head.get_attribute("aria-sort"), first_column(page)) == ("descending", ["DDPG", "Pinv"])
    button.focus()
    press(page, "Enter")
    assert (head.get_attribute("aria-sort"), first_column(page)) == ("ascending", ["Pinv", "DDPG"])
    method = page.locator("#tables .view:visible").first.locator("thead th").nth(0)
    method.locator("button").click()
    assert (method.get_attribute("aria-sort"), first_column(page)[0]) == ("ascending", "DDPG")
    assert head.get_attribute("aria-sort") == "none"


def test_tables_switch_metric_and_data_set(page):
    captions = "#tables .view:visible [data-metric]:not([hidden]) caption"
    assert set(page.locator(captions).all_inner_texts()) == {"PSNR (dB) ↑"}
    page.check("input[name=metric][value=ssim]")
    assert set(page.locator(captions).all_inner_texts()) == {"SSIM ↑"}
    assert page.input_value("#pick-metric") == "ssim"
    assert page.locator("#tables .view:visible").count() == 3
    page.check("input[name=dataset][value=photos]")
    assert page.locator("#tables .view:visible").count() == 2
    page.check("input[name=dataset][value='']")
    assert page.locator("#tables .view:visible").count() == 3


def test_tables_say_what_is_left_out_as_text(page):
    note = "HaarPSI is left out: no <i>wavelets</i>."
    assert page.locator("#tables > .note").inner_text() == note


@in_both
def test_the_divider_follows_mouse_and_range(page):
    slider = page.locator("#slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    page.mouse.up()
    assert page.evaluate("byId('slider').value") == pytest.approx(25, abs=1)
    assert float(page.input_value("#divider")) == pytest.approx(25, abs=1)
    page.fill("#divider", "80")
    assert page.evaluate("byId('slider').value") == 80
    page.focus("#stage")
    press(page, "Shift+ArrowLeft")
    assert page.evaluate("byId('slider').value") == 75


@in_both
def test_zoom_is_the_same_on_both_sides(page):
    page.locator("#slider").scroll_into_view_if_needed()
    box = page.locator("#slider").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    page.mouse.wheel(0, -400)
    expect(page.locator("#zoom")).to_have_text("2.2×")
    left = scale_of(page, "left")
    assert left == scale_of(page, "right")
    assert left[0] == pytest.approx(np.exp(0.8), rel=1e-3)
    assert left[4] == pytest.approx(-0.75 * box["width"] * (left[0] - 1), rel=0.02)
    before = page.evaluate("byId('slider').value")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75 + 30, box["y"] + box["height"] * 0.25)
    page.mouse.up()
    assert scale_of(page, "left")[4] == pytest.approx(left[4] + 30, abs=1)
    assert page.evaluate("byId('slider').value") == before
    page.focus("#stage")
    press(page, "0", "+", "+", "-")
    assert page.inner_text("#zoom") == "2×"
    page.click("[aria-label='Zoom out']")
    assert scale_of(page, "right")[0] == 1
    page.click("#detail")
    assert page.evaluate("comparison.viewer.zoom") == pytest.approx(SIDE / (1.5 * 4))


def test_pixels_stay_squares_when_zoomed(page):
    at_first_photo(page)
    expect(page.locator("#left")).to_have_css("image-rendering", "pixelated")
    page.evaluate("byId('slider').style.width = '40px'")  # hardly more than the picture's pixels
    expect(page.locator("#left")).to_have_css("image-rendering", "auto")
    page.click("[aria-label='Zoom in']", click_count=2)
    expect(page.locator("#left")).to_have_css("image-rendering", "pixelated")


@in_both
def test_filters_choose_the_cell(page):
    at_first_photo(page)
    assert page.inner_text("#title") == ODD
    assert page.locator("#pick-noise option").all_inner_texts() == ["σ = 0.05", "σ = 0.1"]
    assert page.locator("#kernel").is_visible()
    page.select_option("#pick-noise", "0.1")
    assert page.locator("#place").inner_text().endswith("σ = 0.1")
    page.select_option("#pick-task", "sr_bicubic-x4-fft")
    assert page.locator("#pick-noise option").all_inner_texts() == ["σ = 0.05"]
    assert page.locator("#kernel").is_hidden()
    assert page.evaluate("byId('left').naturalWidth") == SIDE // 4
    page.select_option("#pick-dataset", "others")
    assert page.inner_text("#title") == "one"
    assert page.locator("#pick-right option").all_inner_texts() == [
        "Truth", "Observation", "DDPG", "Pinv",
    ]  # fmt: skip


def test_scores_of_both_sides_are_compared(page):
    at_first_photo(page)
    page.select_option("#pick-left", "pinv")
    page.select_option("#pick-right", "ddpg")
    rows = page.locator("#scores tbody tr").all_inner_texts()
    assert rows[0].split("\t") == ["PSNR (dB) ↑", "19.50", "29.50", "+10.00"]
    assert rows[1].split("\t") == ["SSIM ↑", "0.800", "0.700", "−0.100"]
    assert page.locator("#scores tbody td:last-child").nth(0).get_attribute("class") == "better"
    assert page.locator("#scores tbody td:last-child").nth(1).get_attribute("class") == "worse"
    page.click("#swap")
    assert page.input_value("#pick-left") == "ddpg"
    assert page.locator("#scores tbody td:last-child").nth(0).inner_text() == "−10.00"


@in_both
def test_keys_go_through_pictures_and_methods(page):
    at_first_photo(page)
    assert page.locator(".keys").is_visible()
    page.focus("#stage")
    press(page, "ArrowRight")
    assert page.inner_text("#title") == "photo_01"
    press(page, "ArrowLeft", "ArrowLeft")
    assert page.inner_text("#title") == ODD
    assert page.input_value("#pick-right") == "ddpg"
    press(page, "ArrowDown")
    assert page.input_value("#pick-right") == "ddpg-20"
    press(page, "s")
    assert (page.input_value("#pick-left"), page.input_value("#pick-right")) == (
        "ddpg-20", OBSERVATION,
    )  # fmt: skip
    page.focus("#query")
    press(page, "ArrowRight", "s")
    assert page.input_value("#query") == "s"
    assert page.inner_text("#title") == ODD


def test_tiles_choose_a_side(page):
    at_first_photo(page)
    page.click(".tile[data-version=pinv]")
    assert page.input_value("#pick-right") == "pinv"
    page.click(".tile[data-version=ddpg]", modifiers=["Shift"])
    assert page.input_value("#pick-left") == "ddpg"
    assert page.locator(".badge").all_inner_texts() == ["left", "right"]


def test_the_list_filters_orders_and_pages(page):
    at_first_photo(page)
    assert page.inner_text("#count") == "3 of 40 images"
    page.uncheck("#embedded")
    assert page.locator(".item").count() == 24
    page.click("#forth")
    assert (page.locator(".item").count(), page.inner_text("#pages")) == (16, "page 2 of 2")
    page.select_option("#order", "worst")
    assert page.locator(".item b").first.inner_text() == "photo_39"
    page.select_option("#pick-left", "pinv")
    page.select_option("#order", "loss")
    assert page.locator(".item small").first.inner_text() == "25.60 dB"
    page.fill("#query", "O_3")
    assert page.inner_text("#count") == "10 of 40 images"
    page.click(".item >> nth=0")
    assert page.inner_text("#title") == "photo_39"
    assert "3 of 40 images have theirs" in page.inner_text("#missing")
    assert page.locator("#slider").is_hidden()
    page.fill("#query", "nothing")
    assert page.locator(".item").count() == 0


def test_only_the_open_picture_is_in_the_document(page):
    at_first_photo(page)
    count = "document.querySelectorAll('img[src]').length"
    assert page.evaluate(count) == 2 + 1 + 5 + SHOWN  # sides, kernel, versions, list
    assert page.evaluate("document.querySelectorAll('script[id^=pictures-]').length") == 10
    press(page, "ArrowRight")
    assert page.evaluate(count) == 2 + 1 + 5 + SHOWN


def test_the_address_names_what_is_shown(open_page, address, page):
    assert "#view" not in page.url
    at_first_photo(page)
    page.select_option("#pick-left", TRUTH)
    again = open_page(page.url)
    assert again.inner_text("#title") == ODD
    assert again.input_value("#pick-left") == TRUTH
    stale = open_page(address + "#view/photos/gone-fft/0/x/y/%E0%A4%A")
    assert stale.inner_text("#title") != ""


@in_both
def test_the_link_to_a_view_is_its_address(open_page, page):
    at_first_photo(page)
    page.select_option("#pick-right", "pinv")
    link = page.get_attribute("#link", "href")
    assert link == page.url
    assert open_page(link).input_value("#pick-right") == "pinv"


@in_both
def test_a_picture_is_saved_in_its_own_size(page, tmp_path):
    page.select_option("#pick-dataset", "photos")
    page.select_option("#pick-task", "sr_bicubic-x4-fft")
    press(page, "ArrowRight")
    page.select_option("#pick-left", OBSERVATION)
    page.wait_for_function("byId('left').complete && byId('left').naturalWidth === 8")
    for button, name, size, shade in (
        ("#save-left", "photo_01_sr_bicubic-x4-fft_0.05_Observation.png", SIDE // 4, 200),
        ("#save-right", "photo_01_sr_bicubic-x4-fft_0.05_DDPG.png", SIDE, 50),
    ):
        with page.expect_download() as download:
            page.click(button)
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (size, size)
            assert picture.convert("RGB").getextrema() == ((shade, shade),) * 3


def test_navigation_stays_in_sight(page):
    page.evaluate("scrollTo({ top: 900, behavior: 'instant' })")
    assert page.locator("nav").bounding_box()["y"] == 0


def test_keys_are_not_explained_where_there_are_none(open_page, address, page):
    assert page.locator(".keys").is_visible()
    phone = open_page(address, 390, 844, has_touch=True, is_mobile=True)
    assert not phone.locator(".keys").is_visible()


@in_both
@pytest.mark.parametrize("width", [390, 768])
def test_small_screens_do_not_scroll_sideways(open_page, address, width):
    page = open_page(address, width, 844, has_touch=True, is_mobile=True)
    at_first_photo(page)
    room = page.evaluate("document.documentElement.clientWidth")  # beside a scroll bar, if any
    assert width - 20 < room <= width
    assert page.evaluate("document.documentElement.scrollWidth") == room
    page.select_option("#pick-right", "ddpg-20")
    spare = "(inside => inside.parentElement.clientWidth - inside.scrollWidth)(byId('scores'))"
    assert page.evaluate(spare) >= 0  # all columns are in sight
    names = page.locator(".tile > span:not(.frame)")
    assert len({box["height"] for box in map(bounds, names.all())}) == 1  # none is broken
    box = page.locator("#slider").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_two_fingers_zoom(open_page, address):
    page = open_page(address, 390, 844, has_touch=True)
    page.locator("#slider").scroll_into_view_if_needed()
    page.evaluate("""() => {
      const { left, top } = byId("slider").getBoundingClientRect();
      const send = (type, pointerId, x) => byId("slider").dispatchEvent(new PointerEvent(type,
        { pointerId, clientX: left + x, clientY: top + 20, button: 0, bubbles: true }));
      send("pointerdown", 1, 100); send("pointerdown", 2, 140);
      send("pointermove", 2, 180); send("pointerup", 1, 100); send("pointerup", 2, 180);
    }""")
    assert page.evaluate("comparison.viewer.zoom") == pytest.approx(2)


def follows_the_system_until_chosen(page, scheme):
    is_dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 100"
    assert page.evaluate(is_dark) == (scheme == "dark")
    page.click("#theme")
    assert page.evaluate(is_dark) == (scheme == "light")


@in_both
def test_dark_follows_the_system_until_chosen(open_page, address):
    follows_the_system_until_chosen(open_page(address, color_scheme="dark"), "dark")


def test_light_follows_the_system_until_chosen(open_page, address):
    follows_the_system_until_chosen(open_page(address, color_scheme="light"), "light")


def test_names_stay_text(page):
    assert page.locator("h1").inner_text() == "a <em>study</em>"
    at_first_photo(page)
    assert page.locator(".item b").first.inner_text() == ODD
    assert page.locator("#gallery b:has-text('odd') b").count() == 0


def test_one_method_and_one_image_suffice(open_page, tmp_path):
    metrics = pd.DataFrame(metric_rows())
    alone = metrics[(metrics["dataset"] == "others") & (metrics["label"] == "ddpg")]
    only = grid(*CELLS[-1])
    only["rows"][0]["tiles"] = {
        key: only["rows"][0]["tiles"][key] for key in (TRUTH, OBSERVATION, "ddpg")
    }
    page = open_page(write_study(tmp_path, alone, [only]))
    assert page.inner_text("#title") == "one"
    assert page.locator("#pick-dataset").is_hidden()
    assert page.locator("#tables .view:visible tbody tr").count() >= 1
    press(page, "ArrowRight")
    assert page.inner_text("#title") == "one"


def test_a_study_without_any_value_still_opens(open_page, tmp_path):
    metrics = pd.DataFrame(metric_rows()).assign(value="", note="lost")
    page = open_page(write_study(tmp_path, metrics, []))
    assert page.locator("#missing").is_visible()
    assert "PSNR, SSIM and HaarPSI are left out: lost." in page.inner_text("#tables")
