"""The report of a search, as `evoact ui --report` serves it: both themes, and code that runs."""

import re
import subprocess
import sys

import pytest
from browser_servers import free_port, wait_for

pytestmark = [pytest.mark.timeout(600)]  # machines may be busy

RUN = """
import sys, torch
from torch import nn
sys.modules["evoact"] = None  # importing it raises
names = {}
exec(compile(open(sys.argv[1]).read(), "copied.py", "exec"), names)
(module,) = [v for v in names.values()
             if isinstance(v, type) and issubclass(v, nn.Module) and v.__module__ != "torch.nn"
             and not v.__module__.startswith("torch")]
x = torch.linspace(-4.0, 4.0, 60).reshape(20, 3)
print(module()(x).flatten().tolist())
"""


@pytest.fixture(scope="module")
def report_page(evoact_command, smoke_run):
    port = free_port()
    process = evoact_command.start("ui", "runs/first", "--report", "--port", str(port))
    try:
        (url,) = re.findall(r"^Report: (\S+) ", process.stdout.readline())
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_report_is_read_in_both_themes_and_its_code_runs(
    chromium, report_page, screenshot, smoke_run, tmp_path
):
    import torch
    from selenium.webdriver.common.by import By

    from evoact.study import Study

    allowed = {"permissions": ["clipboardReadWrite"], "origin": report_page.rstrip("/")}
    chromium.execute_cdp_cmd("Browser.grantPermissions", allowed)
    chromium.get(report_page)
    ground = "return getComputedStyle(document.body).backgroundColor"
    shown = {}
    for theme in ("first theme", "second theme"):
        shown[theme] = chromium.execute_script(ground)
        screenshot(f"report-{theme.replace(' ', '-')}")
        chromium.find_element(By.ID, "theme-toggle").click()
    assert len(set(shown.values())) == 2, shown

    chromium.find_element(By.ID, "copy-pytorch").click()
    read = "navigator.clipboard.readText().then(arguments[0], e => arguments[0](String(e)))"
    copied = chromium.execute_async_script(read)
    assert "class " in copied, copied
    (tmp_path / "copied.py").write_text(copied)
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN, str(tmp_path / "copied.py")],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    x = torch.linspace(-4.0, 4.0, 60).reshape(20, 3).double().numpy()
    expected = torch.as_tensor(Study.load(smoke_run).winner().late.numpy()(x)).flatten()
    found = torch.tensor(eval(done.stdout, {"__builtins__": {}})).double()
    torch.testing.assert_close(found, expected)
