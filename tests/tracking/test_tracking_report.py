"""The report: whole in one file, escaped, readable, and its code runs."""

import base64
import hashlib
import itertools
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from evoact.records import ConfirmationAsked, Evaluated, Rejected, Status
from evoact.study import Study as StoredStudy
from evoact.study import space_from_text
from evoact.tracking.report import report_html

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "quickstart"
VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = (
    "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\"' {{ 7 * 7 }} \ud800 \x1b[31m"
)


class Page(HTMLParser):
    """Reads a page, and refuses one whose elements are not nested."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.texts, self.codes = [], [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("id", "")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1][0] == "code":
            self.codes[self.open[-1][1]] = self.codes.get(self.open[-1][1], "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def kept():
    return StoredStudy.load(KEPT)


@pytest.fixture(scope="module")
def html(kept):
    return report_html(kept.history)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_it_loads_nothing(page):
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            address = attributes.get(name, "#")
            assert address.startswith(("#", "data:image/svg+xml;base64,")), address[:80]
        assert not [name for name in attributes if name.startswith("on")]
    assert page.all("link") == page.all("iframe") == []
    assert "url(" not in "".join(page.texts)
    assert "@import" not in "".join(page.texts)


def test_its_policy_lets_its_own_script_run_and_no_other(html):
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(m["content"] for m in Page(html).all("meta") if "http-equiv" in m)
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_pictures_are_whole_and_told_in_words(page):
    images = page.all("img")
    assert len(images) == 2 * 7
    for image in images:
        assert len(image["alt"]) > 20
        svg = ElementTree.fromstring(base64.b64decode(image["src"].partition("base64,")[2]))
        assert svg.tag.endswith("svg")
    assert {image["class"] for image in images} == {"for-light", "for-dark"}


def test_it_is_accessible(page):
    tags = [tag for tag, _ in page.elements]
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "data-copies"):
            assert attributes.get(name, ids[0]) in ids
        assert attributes.get("href", "#summary")[1:] in ids
    assert tags.count("table") == tags.count("caption")
    assert all(th["scope"] in {"row", "col"} for th in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"
    assert {"theme-toggle", "copy-pytorch", "copy-python", "copy-latex", "copy-command"} <= set(ids)


def test_colours_are_those_of_the_figures(html):
    for theme in ("#ffffff", "#14181d"):
        assert f"--paper: {theme};" in html


def test_pytorch_runs_alone_and_is_the_function(page, kept, tmp_path):
    (tmp_path / "copied.py").write_text(page.codes["code-pytorch"])
    code = (
        "import sys, json\n"
        "sys.modules['evoact'] = None\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import torch, copied\n"
        "x = torch.linspace(-4, 4, 101, dtype=torch.float64)\n"
        "print(json.dumps(copied.Discovered().double()(x).tolist()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)], check=True, capture_output=True
    )
    expected = kept.winner().late.numpy()(np.linspace(-4, 4, 101))
    np.testing.assert_allclose(json.loads(run.stdout), expected, rtol=1e-12, atol=1e-12)


def test_python_runs_and_is_the_function(page, kept):
    scope = {}
    exec(page.codes["code-python"], scope)
    assert scope["expression"] == kept.winner().late
    assert (scope["schedule"].name, scope["schedule"].end) == ("linear", 0.625)
    assert scope["annealed"].late.expression() == kept.winner().late


def test_the_space_is_that_of_the_study(page, kept):
    space = space_from_text(page.codes["code-space"], "copied")
    assert space == kept.spec.model_copy(update={"run": None})
    command = "evoact search space.yaml --name quickstart-again --seed 0"
    assert page.codes["code-command"] == command


def test_numbers_are_those_of_the_summary(page):
    text = " ".join(page.texts)
    for told in ("+0.0928 [+0.0804, +0.1052]", "0.0059", "208", "linear", "0.7110 ± 0.0063"):
        assert told in text


def test_hostile_texts_are_shown_as_they_are(study, play):
    records = study(controls=True).records()
    started = records[0]
    records[0] = replace(started, name=HOSTILE, versions={HOSTILE: HOSTILE})
    asked = records[1]
    rejected = (Rejected(HOSTILE, HOSTILE, origin="seed"),)
    people = tuple(replace(c, origin=HOSTILE) for c in asked.candidates)
    records[1] = replace(asked, candidates=people, rejected=rejected)
    for place, record in enumerate(records):
        if isinstance(record, Evaluated) and record.evaluation.status is Status.DIVERGED:
            records[place] = replace(record, evaluation=replace(record.evaluation, reason=HOSTILE))
        if isinstance(record, ConfirmationAsked):
            baselines = {f"{HOSTILE}{name}": c for name, c in record.baselines.items()}
            records[place] = replace(record, baselines=baselines)
    html = report_html(play(records))
    page = Page(html)
    assert html.count("<script") == 1
    assert "alert(1)" in "".join(page.texts)
    assert not [image for image in page.all("img") if not image["src"].startswith("data:")]
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", html, flags=re.DOTALL)[0]
    html.encode()


@pytest.mark.parametrize("end", [1, 2, 12])
def test_a_study_that_is_not_at_its_end_has_a_report(study, play, end):
    page = Page(report_html(play(study().records()[:end])))
    text = " ".join(page.texts)
    assert "The study is unfinished" in text
    assert ("The best so far" in text) == (end > 2)
