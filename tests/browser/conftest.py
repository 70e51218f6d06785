"""MLflow's pages on the README's first search, as `evoact ui` serves them, and a browser."""

import re
import shutil
from pathlib import Path

import pytest
from browser_servers import free_port, wait_for

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts" / "browser"


@pytest.fixture(scope="session")
def study_page(evoact_command, smoke_run) -> str:
    """The address of the study's page, while `evoact ui runs/first` runs."""
    port = free_port()
    process = evoact_command.start("ui", "runs/first", "--port", str(port))
    try:
        (url,) = re.findall(r"^MLflow: (\S+) ", process.stdout.readline())
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium, driven through Selenium."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip("Chromium is not installed (apt-get install chromium chromium-driver)")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = programs[0]
    for argument in (
        "--headless=new",
        "--no-sandbox",  # root may not have one
        "--disable-dev-shm-usage",
        "--window-size=1500,1100",
    ):
        options.add_argument(argument)
    driver = Chrome(options=options, service=Service(programs[1]))
    driver.set_page_load_timeout(100)
    yield driver
    driver.quit()


@pytest.fixture
def screenshot(chromium, request):
    """Keeps what the browser shows, under a name, in `test-artifacts/browser`."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)

    def keep(name: str) -> None:
        chromium.save_screenshot(str(ARTIFACTS / f"{name}.png"))

    yield keep
    keep(f"last-{request.node.name}")
