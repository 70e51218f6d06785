"""What people see of a search in MLflow, and do there, in a real browser."""

import re

import pytest

pytestmark = [pytest.mark.timeout(600)]  # machines may be busy

WAIT = 100


@pytest.fixture
def page(chromium):
    return Page(chromium)


class Page:
    """What a person can see and do on a page."""

    def __init__(self, driver):
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import WebDriverWait

        self.driver, self.by, self.wait = driver, By, WebDriverWait(driver, WAIT)

    @property
    def text(self):
        return self.driver.find_element(self.by.TAG_NAME, "body").text

    def reads(self, *texts):
        self.wait.until(lambda _: all(text in self._text() for text in texts), f"no {texts}")

    def _text(self):
        from selenium.common.exceptions import StaleElementReferenceException

        try:
            return self.text
        except StaleElementReferenceException:  # the page is being drawn
            return ""

    def find(self, path):
        return self.wait.until(lambda d: d.find_element(self.by.XPATH, path), f"no {path}")

    def click(self, path):
        from selenium.common.exceptions import WebDriverException

        def clicked(driver):
            try:
                driver.find_element(self.by.XPATH, path).click()
            except WebDriverException:  # not there yet, or drawn anew meanwhile
                return False
            return True

        self.wait.until(clicked, f"no {path} to click on")


def link(text):
    return f"//a[normalize-space(.)='{text}']"


def test_a_study_is_looked_at(page, study_page, screenshot):
    """The study's page; its winner, found by a tag; its figure; the registered model."""
    from selenium.webdriver.common.keys import Keys

    page.driver.get(study_page)
    page.reads("About this run", "first", "winner", "digits")
    screenshot("study")
    base, number = re.match(r"(.*#/experiments/(\d+))/", study_page).groups()
    page.driver.get(f"{base}/runs")
    page.reads("matching runs", "first")
    box = page.find("//input[@data-testid='search-box']")
    box.send_keys('tags.`evoact.role` = "winner" AND tags.`evoact.study` = "first"')
    # The first Enter may close the list of suggestions.
    for _ in range(2):
        box.send_keys(Keys.ENTER)
    page.reads("2 matching runs")  # the winner, under its study
    row = f"{link('first')}/ancestor::div[@role='gridcell'][1]"
    page.click(f"({row}//*[self::button or @role='button'])[1]")
    winner = page.find("//a[starts-with(normalize-space(.), 'winner ')]")
    screenshot("filtered")
    name = winner.text
    page.click("//a[starts-with(normalize-space(.), 'winner ')]")
    page.reads("About this run", name, "evoact.expression", "evoact-smoke")
    screenshot("winner")
    run = page.driver.current_url.partition("?")[0]

    page.click("//*[@role='tab'][normalize-space(.)='Artifacts'] | " + link("Artifacts"))
    page.click("//*[normalize-space(text())='function.svg']")
    image = page.find("//img[contains(@alt, 'function.svg')]")
    page.wait.until(lambda _: image.size["height"] > 100, "the figure is not drawn")
    drawn = "return arguments[0].complete && arguments[0].naturalWidth"
    assert page.driver.execute_script(drawn, image) > 100
    screenshot("figure")

    page.driver.get(run)
    page.reads("evoact-smoke")
    page.click("//a[contains(@href, '/models/evoact-smoke/versions/')]")
    page.reads("evoact-smoke", "Version")
    page.driver.get(f"{base.partition('#')[0]}#/models/evoact-smoke")
    page.reads("champion", "candidate", "evoact.expression")
    screenshot("registered")
    assert number.isdecimal()
