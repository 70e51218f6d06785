"""Studies with a surrogate: resumed ones end as if they had never stopped."""

from __future__ import annotations

import pytest
from study_runs import gone_on

from evoact.records import SearchSpec
from evoact.study import Study


@pytest.fixture
def spec(tiny) -> SearchSpec:
    more = {"population": 8, "generations": 3, "cohort": 4, "surrogate": "on", "offspring": 3}
    data = tiny.model_dump(mode="json")
    data["evaluate"]["confirm"] |= {"top": 1, "seeds": 2, "baselines": []}
    return SearchSpec.model_validate({**data, "evolution": {**data["evolution"], **more}})


@pytest.mark.parametrize("mode", ["generational", "steady_state"])
def test_a_resumed_study_breeds_and_predicts_what_it_would_have(
    spec, mode, tmp_path, counting
) -> None:
    evolution = spec.evolution.model_copy(update={"mode": mode})
    spec = spec.model_copy(update={"evolution": evolution})
    whole = gone_on(Study.create(spec, tmp_path / "a", "s", 5).folder, counting())
    stopped = Study.create(spec, tmp_path / "b", "s", 5)
    for stop_after in (10, 9):
        with pytest.raises(KeyboardInterrupt):
            gone_on(stopped.folder, counting(stop_after))
    resumed = gone_on(stopped.folder, counting())
    asked = [
        [(c.id, c.predicted) for c in one.history.candidates.values()] for one in (whole, resumed)
    ]
    assert asked[0] == asked[1]
    told = [predicted for _, predicted in asked[0][8:] if predicted]
    assert len(told) >= 12
    assert all(0.0 < one.sd < 1.0 for one in told)
