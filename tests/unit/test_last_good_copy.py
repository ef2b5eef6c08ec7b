"""The last good copy can only help: whatever lies at its path, the parse goes on, warns once and heals the file."""

from __future__ import annotations

import errno
import json
import os

import pytest

from include.scheduled_reports.adapters import private_files
from include.scheduled_reports.orchestration import last_good_copy
from include.scheduled_reports.orchestration.dag_spec import DagSpec, TimetableArguments

SPECS = (
    DagSpec(report_id="r1", display_name="Wöchentlich 📊", tags=("a", "b")),
    DagSpec(
        report_id="r2",
        display_name="Daily",
        schedule=TimetableArguments(cron="0 9 * * *", timezone="UTC", effective_from="2026-05-01T00:00:00+00:00"),
    ),
)


@pytest.fixture
def path(tmp_path):
    last_good_copy.save(str(tmp_path / "copy.json"), SPECS, "digest")
    return tmp_path / "copy.json"


def write(path, content):
    path.write_bytes(content)
    path.chmod(0o600)


def test_what_was_saved_is_loaded(path):
    assert last_good_copy.load(str(path)) == SPECS
    assert last_good_copy.digest(str(path)) == "digest"


def test_the_copy_of_the_release_before_is_loaded(path):
    write(path, json.dumps([spec.as_json() for spec in SPECS]).encode())

    assert last_good_copy.load(str(path)) == SPECS


def replaced(path, content):
    path.unlink()
    write(path, content)


HARM = {
    "cut within a character": lambda path: replaced(path, path.read_bytes().partition("ö".encode()[1:])[0]),
    "a byte of a name flipped": lambda path: replaced(path, path.read_bytes().replace(b"Daily", b"Daimy")),
    "a byte of a schedule flipped": lambda path: replaced(path, path.read_bytes().replace(b"0 9 *", b"0 8 *")),
    "deeply nested": lambda path: replaced(path, b"[" * 200_000),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "x").touch()),
    "a link to a good one": lambda path: path.symlink_to(path.rename(path.with_name("other"))),
    "open to others": lambda path: path.chmod(0o666),
    "an id that is a list": lambda path: replaced(
        path, json.dumps([SPECS[0].as_json() | {"report_id": ["r1"]}]).encode()
    ),
    "a tag that is a number": lambda path: replaced(path, json.dumps([SPECS[0].as_json() | {"tags": [1]}]).encode()),
    "tags that are a number": lambda path: replaced(path, json.dumps([SPECS[0].as_json() | {"tags": 1}]).encode()),
    "a schedule that is a list": lambda path: replaced(
        path, json.dumps([SPECS[0].as_json() | {"schedule": [[1]]}]).encode()
    ),
    "another field": lambda path: replaced(path, json.dumps([SPECS[0].as_json() | {"x": 1}]).encode()),
    "an object": lambda path: replaced(path, b"{}"),
    "a number": lambda path: replaced(path, b"7"),
    "empty": lambda path: replaced(path, b""),
    "NUL bytes, as after a crash": lambda path: replaced(path, b"\0" * 4096),
    "a number of 10,000 digits": lambda path: replaced(path, b"[" + b"1" * 10_000 + b"]"),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_copy_that_was_harmed_is_set_aside_with_one_warning_and_the_next_parse_heals_it(path, harm, caplog):
    harm(path)

    assert last_good_copy.load(str(path)) == ()

    (warning,) = caplog.records
    assert str(path) in warning.message
    last_good_copy.save(str(path), SPECS)
    assert last_good_copy.load(str(path)) == SPECS
    assert len(caplog.records) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 5_000])
def test_a_harmed_digest_means_that_the_file_is_parsed_again(path, content):
    write(path.with_name("copy.json.digest"), content)

    assert last_good_copy.digest(str(path)) is None


def test_a_digest_that_is_a_pipe_does_not_block(path):
    digest = path.with_name("copy.json.digest")
    digest.unlink()
    os.mkfifo(digest)

    assert last_good_copy.digest(str(path)) is None


def test_a_full_disk_costs_one_warning_and_leaves_no_draft(path, caplog, monkeypatch):
    real = os.fdopen

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, content):
            self.file.write(content[:5])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(
        private_files.os, "fdopen", lambda handle, how: Full(real(handle, how)) if "w" in how else real(handle, how)
    )
    before = sorted(path.parent.iterdir())

    last_good_copy.save(str(path), SPECS[:1])

    (warning,) = caplog.records
    assert "No space left on device" in warning.message
    assert sorted(path.parent.iterdir()) == before
    assert last_good_copy.load(str(path)) == SPECS


def test_an_error_of_the_machine_leaves_the_copy_where_it_is(path, monkeypatch, caplog):
    def busy(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(private_files.os, "open", busy)
    assert last_good_copy.load(str(path)) == ()
    monkeypatch.undo()

    assert last_good_copy.load(str(path)) == SPECS
