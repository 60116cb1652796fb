"""The page with before and after, in a browser: quiet, and two versions under the slider."""

from __future__ import annotations

import numpy as np
import pytest

from ddpg.pictures.reading import Picture
from ddpg.restoring.observations import NoiseLevel
from ddpg.restoring.page import page_entry, write_page
from ddpg.restoring.restoration import Restored

pytestmark = pytest.mark.slow


def entry(name: str, side: int) -> dict:
    before = Picture(np.full((side, side, 3), 0.3, np.float32))
    after = Picture(np.full((2 * side, 2 * side, 3), 0.6, np.float32))
    restored = Restored(after, (), None, NoiseLevel(0.1, "given"), 1.0, 5, 1.0)
    return page_entry(name, f"{side} pixels", before, restored)


@pytest.mark.parametrize("browser", ["chromium", "firefox"], indirect=True)
def test_pictures_are_compared_and_turned_over(browser, tmp_path):
    write_page(tmp_path / "look.html", "two", [entry("a<b>.png", 16), entry("c.png", 24)])
    noise: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.goto((tmp_path / "look.html").as_uri())
    page.wait_for_selector("img-comparison-slider.rendered")
    assert page.inner_text("#title") == "a<b>.png"
    assert page.inner_text("#note") == "16 pixels"
    left, right = (page.get_attribute(f"#{side}", "alt") for side in ("left", "right"))
    assert (left, right) == ("a<b>.png: Before", "a<b>.png: After")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#title") == "c.png"
    page.keyboard.press("s")
    assert page.get_attribute("#left", "alt") == "c.png: After"
    assert page.evaluate("document.querySelector('#left').naturalWidth") == 48
    page.close()
    assert noise == []
