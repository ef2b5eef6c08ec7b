"""Reports in shards, and which shards have to be parsed again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from include.scheduled_reports.domain.shards import Shard
from include.scheduled_reports.orchestration.shard_watch import ShardWatch

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


def after(seconds):
    return NOON + timedelta(seconds=seconds)


class TestAShard:
    def test_is_told_by_the_md5_of_the_id_as_anybody_can_work_it_out(self):
        # echo -n report-1 | md5sum: 82e42dca..., and 0x82e42dca is 2195992010
        assert Shard.holding("report-1", 64) == Shard(number=2195992010 % 64, of=64)

    def test_has_a_file_name_that_sorts_by_its_number_and_names_how_many_there_are(self):
        assert Shard(number=7, of=64).name == "scheduled_reports_07_of_64"
        assert Shard(number=0, of=1).name == "scheduled_reports_0_of_1"

    @given(st.text(), st.integers(1, 500))
    def test_is_always_one_of_those_there_are(self, report_id, of):
        assert 0 <= Shard.holding(report_id, of).number < of


class TestTheWatch:
    def test_wants_nothing_where_every_shard_was_parsed_from_what_there_is(self):
        assert ShardWatch().outdated({0: "a", 1: "b"}, {0: "a", 1: "b", 2: ""}, NOON) == []

    def test_wants_those_that_differ_were_never_parsed_or_hold_no_row_any_more(self):
        assert ShardWatch().outdated({0: "a", 1: "b"}, {0: "x", 1: "b", 2: None, 3: "gone"}, NOON) == [0, 2, 3]

    def test_asks_again_after_a_while_where_a_parse_did_not_bring_it_and_ever_more_seldom(self):
        watch = ShardWatch()

        asked = [second for second in range(3000) if watch.outdated({0: "b"}, {0: "a"}, after(second))]

        assert asked[:7] == [0, 4, 12, 28, 60, 124, 252]
        assert asked[-1] - asked[-2] == 600

    def test_asks_at_once_for_another_edit_in_the_meantime(self):
        watch = ShardWatch()
        watch.outdated({0: "b"}, {0: "a"}, NOON)

        assert watch.outdated({0: "c"}, {0: "a"}, after(1)) == [0]

    def test_asks_at_once_when_a_shard_that_was_right_is_edited_back(self):
        watch = ShardWatch()
        watch.outdated({0: "b"}, {0: "a"}, NOON)
        watch.outdated({0: "b"}, {0: "b"}, after(1))

        assert watch.outdated({0: "a"}, {0: "b"}, after(2)) == [0]
        watch.outdated({0: "a"}, {0: "a"}, after(3))
        assert watch.outdated({0: "b"}, {0: "a"}, after(3)) == [0]
