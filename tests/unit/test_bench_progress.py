"""A benchmark that is interrupted continues with the first case that is not finished."""

from __future__ import annotations

import pytest

from bench.resume import Progress


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "bench" / "progress.json")


def interrupted():
    raise KeyboardInterrupt


def test_a_finished_case_is_not_measured_again(progress):
    first = progress.case("500 compact", lambda: {"per_minute": 160.5})

    assert progress.case("500 compact", interrupted) == first == {"per_minute": 160.5}


def test_a_case_that_was_interrupted_is_measured_again(progress):
    with pytest.raises(KeyboardInterrupt):
        progress.case("500 compact", interrupted)

    assert progress.case("500 compact", lambda: 2) == 2


def test_the_cases_of_a_section_that_was_interrupted_are_kept(progress):
    def section():
        progress.case("500 staged", lambda: 1)
        return progress.case("500 compact", interrupted)

    with pytest.raises(KeyboardInterrupt):
        progress.case("burst", section)

    assert progress.has("500 staged")
    assert not progress.has("burst")


def test_a_section_keeps_its_own_cases_beside_its_figures(progress):
    progress.case("burst", lambda: progress.case("500 staged", lambda: 1) + 1)

    assert progress.case("burst", interrupted) == 2
    assert progress.case("500 staged", interrupted) == 1


def test_a_finished_benchmark_begins_anew(progress):
    progress.case("burst", lambda: 1)
    progress.finish()

    assert progress.case("burst", lambda: 2) == 2


def test_other_arguments_are_another_benchmark():
    assert Progress.of("full", 500).path != Progress.of("full", 40).path
    assert Progress.of("full", 500).path == Progress.of("full", 500).path
