"""Where a text may be cut, compared with the `regex` library's clusters."""

from __future__ import annotations

import pytest
import regex

from include.scheduled_reports.domain.graphemes import boundary, cut

TEXTS = {
    "Latin with marks": "Ze\u0301ro\u0308 a\u0323\u0302b",
    "Hindi": "साप्ताहिक रिपोर्ट क्षत्रिय",
    "Tamil": "வாராந்திர அறிக்கை",
    "Thai": "รายงานประจำสัปดาห์ น้ำ",
    "Korean": "주간 보고서",
    "Korean in parts": "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "families": "👨‍👩‍👧‍👦 👩🏽‍💻 👍🏿 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "flags": "🇩🇪🇫🇷🇯🇵 a🇺🇸🇧🇷",
    "Arabic with vowels": "تَقْرِيرٌ أُسْبُوعِيّ",
    "half-width": "ﾊﾞﾗﾞ",
    "Persian": "می\u200cخواهم",  # noqa: RUF001 - letters of another script
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_cluster_is_split(text):
    ends = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    conjuncts = {found.end() for found in regex.finditer(r"\p{ccc=9}(?=\p{L})", text)}  # not split since Unicode 15.1

    for at in range(len(text) + 1):
        found = boundary(text, at)
        assert found == max(end for end in ends - conjuncts if end <= at)
    assert [cut(text, most) for most in (len(text), len(text) + 1)] == [text, text]


def test_a_text_that_is_cut_ends_with_an_ellipsis():
    assert cut("weekly report", 10) == "weekly re…"
    assert cut("weekly report", 8) == "weekly…"
    assert cut("cafe\u0301s", 5) == "caf…"


def test_endless_marks_are_cut_all_the_same():
    assert boundary("a" + "\u0301" * 10_000, 5_000) == 5_000
