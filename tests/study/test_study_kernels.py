"""What computes activations is resolved once a study, and kept."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console as Terminal

import evoact
from evoact import api
from evoact.errors import InputError, StudyError
from evoact.nn.kernels import Backend, available, backend
from evoact.records import SearchSpec
from evoact.study import Study, run
from evoact.study.cohorts import cohorts_of
from evoact.tracking import Console
from evoact.training import kernels_here, resolve_kernels

needs_c = pytest.mark.skipif(not available(), reason="there is no C compiler")


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")


def asking(spec: SearchSpec, kernels: str) -> SearchSpec:
    return spec.model_copy(
        update={"evaluate": spec.evaluate.model_copy(update={"kernels": kernels})}
    )


@needs_c
def test_a_study_takes_c_where_there_is_a_compiler(tiny, tmp_path):
    study = evoact.search(tiny, runs_dir=tmp_path)
    assert study.run.kernels == "c"
    assert study.run.versions["kernels"] == str(backend())
    said = {e.environment["kernels"] for e in study.history.evaluations.values()}
    assert said == {str(backend())}


def test_torch_can_be_asked_for(tiny, tmp_path):
    study = Study.create(asking(tiny, "torch"), tmp_path, None, 0)
    assert study.run.kernels == "torch"
    (first, *_) = cohorts_of(study, [evoact.Candidate(evoact.parse("x"))], replicate=0)
    assert first.kernels == "torch"


def test_without_a_compiler_one_line_says_so(tiny, tmp_path, no_compiler, counting):
    study = Study.create(tiny, tmp_path, None, 0)
    assert study.run.kernels == "torch"
    out = Terminal(file=io.StringIO(), width=200)
    study.open([Console(out)])
    run(study, counting())
    study.close()
    told = [line for line in out.file.getvalue().splitlines() if "torch" in line]
    (line,) = told
    assert "'no-such-compiler', which is no command" in line
    assert "install a C compiler" in line
    assert {e.environment["kernels"] for e in study.history.evaluations.values()} == {"torch"}


def test_c_without_a_compiler_is_refused_before_anything_starts(tiny, tmp_path, no_compiler):
    with pytest.raises(InputError, match=r"evaluate\.kernels is c.*no-such.*to auto or torch"):
        evoact.search(asking(tiny, "c"), runs_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_triton_is_of_cuda_alone(monkeypatch):
    monkeypatch.setattr("evoact.training.kernels.triton_backend", lambda: Backend("triton", "3.9"))
    assert str(resolve_kernels("triton", "cuda")) == "triton (3.9)"
    assert str(resolve_kernels("auto", "cuda")) == "triton (3.9)"
    assert resolve_kernels("torch", "cuda").name == "torch"
    assert kernels_here("triton") == "triton (3.9)"
    with pytest.raises(InputError, match=r"is triton, but networks are trained on cpu.*auto, c or"):
        resolve_kernels("triton", "cpu")
    with pytest.raises(ValueError, match="Triton computes on GPUs alone; wanted auto, c or torch"):
        SearchSpec(evaluate={"kernels": "triton"})
    assert SearchSpec(evaluate={"kernels": "triton", "gpus_per_worker": 1}).evaluate.kernels


def test_without_triton(monkeypatch):
    none = Backend("torch", reason="triton is not installed")
    monkeypatch.setattr("evoact.training.kernels.triton_backend", lambda: none)
    assert str(resolve_kernels("auto", "cuda")) == "torch (triton is not installed)"
    with pytest.raises(InputError, match=r"no Triton here: triton is not installed; or set"):
        resolve_kernels("triton", "cuda")
    with pytest.raises(StudyError, match=r"computed in Triton .*Give every worker triton and"):
        kernels_here("triton")


def test_c_is_of_the_cpu_alone():
    with pytest.raises(InputError, match=r"is c, but networks are trained on cuda"):
        resolve_kernels("c", "cuda")
    with pytest.raises(ValueError, match="C computes on the CPU alone; wanted auto or torch"):
        SearchSpec(evaluate={"kernels": "c", "gpus_per_worker": 0.5})


@needs_c
def test_a_study_begun_with_c_is_not_gone_on_with_by_torch(tiny, tmp_path, counting, monkeypatch):
    study = Study.create(tiny, tmp_path, None, 0)
    first = counting(stop_after=4)
    study.open([])
    with pytest.raises(KeyboardInterrupt):
        run(study, first)
    study.close()
    before = (study.folder / "journal.jsonl").read_bytes()
    with monkeypatch.context() as patch:
        patch.setenv("CC", "no-such-compiler")
        with pytest.raises(StudyError, match=r"Give every worker a C compiler and resume"):
            api.resume(study.folder)
    assert (study.folder / "journal.jsonl").read_bytes() == before
    assert api.resume(study.folder).is_finished


def test_a_study_of_spec_version_2_goes_on_with_torch(tiny, tmp_path, counting):
    study = Study.create(asking(tiny, "torch"), tmp_path, None, 0)
    journal = study.folder / "journal.jsonl"
    first = json.loads(journal.read_text()) | {"journal_version": 2}
    spec = first["spec"] | {"spec_version": 2}
    del spec["run"]["kernels"], spec["run"]["versions"]["kernels"]
    for key in ("kernels", "rungs", "reduction"):
        del spec["evaluate"][key]
    journal.write_text(json.dumps(first | {"spec": spec}) + "\n")
    old = Study.load(study.folder)
    old.open([])
    run(old, counting())
    old.close()
    assert old.run.kernels == "torch"
    assert {e.environment["kernels"] for e in old.history.evaluations.values()} == {"torch"}
    assert old.is_finished


@needs_c
def test_another_compiler_is_told(tiny, tmp_path, counting):
    study = Study.create(tiny, tmp_path, None, 0)
    text = (study.folder / "journal.jsonl").read_text()
    changed = text.replace(str(backend()), "c (gcc 1.2.3)")
    assert changed != text
    (study.folder / "journal.jsonl").write_text(changed)
    again = Study.load(study.folder)
    with pytest.warns(UserWarning, match=r"kernels c \(gcc 1\.2\.3\) -> c"):
        again.open([])
    again.close()
