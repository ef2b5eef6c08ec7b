"""Files and folders that other users of the machine can neither read nor replace."""

from __future__ import annotations

import errno
import io
import os
import socket
import stat

import pytest

from include.scheduled_reports.adapters import private_files
from include.scheduled_reports.adapters.private_files import private_draft, private_folder, read_private
from include.scheduled_reports.adapters.staging import ArrowStaging
from include.scheduled_reports.domain.errors import ConfigurationError

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class TestAFolder:
    def test_is_made_for_this_user_only_whatever_the_umask(self, tmp_path):
        before = os.umask(0)
        try:
            assert mode(private_folder(tmp_path / "a" / "b")) == 0o700
        finally:
            os.umask(before)

    def test_that_is_private_is_used(self, tmp_path):
        made = private_folder(tmp_path / "a")
        (made / "kept").touch()

        assert private_folder(made) == made
        assert (made / "kept").exists()

    @pytest.mark.parametrize("open_to", [0o777, 0o755, 0o701, 0o1777, 0o702])
    def test_that_is_open_to_others_is_refused_with_the_command_that_closes_it(self, tmp_path, open_to):
        folder = tmp_path / "a"
        folder.mkdir()
        folder.chmod(open_to)

        with pytest.raises(ConfigurationError, match=f"is open to other users .mode {open_to:04o}.; run chmod o-rwx "):
            private_folder(folder)

    def test_that_is_a_link_is_refused(self, tmp_path):
        (tmp_path / "real").mkdir(mode=0o700)
        (tmp_path / "link").symlink_to(tmp_path / "real")

        with pytest.raises(ConfigurationError, match="is not a folder"):
            private_folder(tmp_path / "link")

    def test_that_is_a_link_to_nothing_is_refused_and_nothing_is_made(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

        with pytest.raises(ConfigurationError, match="is not a folder"):
            private_folder(tmp_path / "link")
        assert not (tmp_path / "elsewhere").exists()

    @AS_ROOT
    def test_of_another_user_is_refused(self, tmp_path):
        folder = private_folder(tmp_path / "a")
        os.chown(folder, NOBODY, NOBODY)

        with pytest.raises(ConfigurationError, match=r"belongs to another user \(uid 65534\)"):
            private_folder(folder)


class TestAFile:
    def test_is_read(self, tmp_path):
        with private_draft(tmp_path / "a") as draft:
            draft.write(b"content")

        assert read_private(tmp_path / "a", most=100) == b"content"
        assert mode(tmp_path / "a") == 0o600

    def test_that_kubernetes_gave_to_the_group_of_the_pod_is_read(self, tmp_path):
        path = tmp_path / "a"
        path.write_bytes(b"x")
        path.chmod(0o660)

        assert read_private(path, most=100) == b"x"

    @pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "link", "open", "large"])
    def test_that_is_not_a_private_file_is_refused_at_once(self, tmp_path, kind):
        path = tmp_path / "a"
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "socket":
                with socket.socket(socket.AF_UNIX) as open_socket:
                    open_socket.bind(str(path))
            case "link":
                (tmp_path / "real").write_bytes(b"x")
                path.symlink_to(tmp_path / "real")
            case "open":
                path.write_bytes(b"x")
                path.chmod(0o606)
            case "large":
                path.write_bytes(b"x" * 101)
                path.chmod(0o600)

        with pytest.raises(OSError, match=r"a"):
            read_private(path, most=100)

    @AS_ROOT
    def test_of_another_user_is_refused(self, tmp_path):
        path = tmp_path / "a"
        path.write_bytes(b"x")
        path.chmod(0o600)
        os.chown(path, NOBODY, NOBODY)

        with pytest.raises(PermissionError, match="belongs to another user"):
            read_private(path, most=100)

    def test_replaces_a_link_and_not_what_it_points_to(self, tmp_path):
        (tmp_path / "victim").write_bytes(b"precious")
        (tmp_path / "a").symlink_to(tmp_path / "victim")

        with private_draft(tmp_path / "a") as draft:
            draft.write(b"content")

        assert (tmp_path / "victim").read_bytes() == b"precious"
        assert not (tmp_path / "a").is_symlink()

    def test_leaves_nothing_behind_when_the_disk_is_full(self, tmp_path):
        def write():
            with private_draft(tmp_path / "a") as draft:
                draft.write(b"half")
                raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(OSError, match="No space left"):
            write()

        assert list(tmp_path.iterdir()) == []


class TestStaging:
    def test_makes_private_folders_and_files_whatever_the_umask(self, tmp_path):
        before = os.umask(0)
        try:
            staging = ArrowStaging.local(tmp_path / "staging")
            staging.put("r1/run/data.parquet", io.BytesIO(b"x"))
        finally:
            os.umask(before)

        found = {path.relative_to(tmp_path).as_posix(): mode(path) for path in tmp_path.rglob("*")}
        assert found == {"staging": 0o700, "staging/r1": 0o700, "staging/r1/run": 0o700,
                         "staging/r1/run/data.parquet": 0o600}  # fmt: skip

    def test_shares_its_files_with_a_group_where_the_operator_shares_the_folder(self, tmp_path):
        folder = tmp_path / "staging"
        folder.mkdir()
        folder.chmod(0o2770)

        ArrowStaging.local(folder).put("r1/run/data.parquet", io.BytesIO(b"x"))

        assert mode(folder / "r1" / "run") == 0o2770
        assert mode(folder / "r1" / "run" / "data.parquet") == 0o660

    def test_does_not_list_the_draft_of_a_killed_process(self, tmp_path):
        staging = ArrowStaging.local(tmp_path / "staging")
        staging.put("r1/run/a", io.BytesIO(b"x"))
        (tmp_path / "staging/r1/run/.a.1.2.draft").touch()

        assert staging.names("r1/run") == ["r1/run/a"]


def test_a_draft_of_a_killed_process_is_removed_later(tmp_path):
    old, new = tmp_path / ".a.1.00.draft", tmp_path / ".a.2.00.draft"
    for draft in (old, new):
        draft.touch()
    os.utime(old, (1, 1))

    private_files.remove_old_drafts(tmp_path / "a")

    assert not old.exists()
    assert new.exists()
