import pytest

from mindreader.errors import InvalidInputError
from mindreader.text import checked_name, repaired, visible_text


def test_names_are_trimmed_and_brought_into_one_form():
    assert checked_name("  Cafe\u0301 ", 10) == "Café"


def test_emoji_of_several_characters_stay_whole():
    family = "👨\u200d👩\u200d👧"
    assert checked_name(family, 10) == family


@pytest.mark.parametrize("name", ["", "   ", "x" * 11, "a\0b", "a\nb", "a\ud800b", "a\u202eb"])
def test_unusable_names_are_refused(name):
    with pytest.raises(InvalidInputError):
        checked_name(name, 10)


INVISIBLE = {
    "zero-width space": "\u200b",
    "joiners": "\u200d\u200c\ufeff\u2060",
    "soft hyphen": "\u00ad",
    "spaces between": "\u200b \u200b",
    "Hangul filler": "\u3164",
    "Hangul jamo fillers": "\u115f\u1160\uffa0",
    "Braille blank": "\u2800",
    "variation selector": "\ufe0f",
    "tags": "\U000e0041\U000e007f\U000e0100",
    "marks on nothing": "\u034f\u0301",
    "reserved": "\u2065\ufff0",
}


@pytest.mark.parametrize("name", INVISIBLE.values(), ids=INVISIBLE)
def test_names_nobody_can_see_are_refused(name):
    with pytest.raises(InvalidInputError, match="can be seen"):
        checked_name(name, 10)


@pytest.mark.parametrize("name", ["क्षि", "نمی\u200cخواهم", "1️⃣", "🏴\U000e0067\U000e0062\U000e007f", "—", "\uf8ff"])
def test_names_with_marks_and_joiners_in_them_are_taken(name):
    assert checked_name(name, 20) == name


def test_the_longest_name_is_taken():
    assert checked_name("x" * 10, 10) == "x" * 10


def test_visible_text_leaves_everything_else_alone():
    assert visible_text("a\0b\tc\u202ed é👍") == "abcd é👍"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"caf\xe9.jpg", "café.jpg"),
        ("café 日本.jpg".encode(), "café 日本.jpg"),
        ("日本".encode() + b" \xfcber.jpg", "日本 über.jpg"),
        (b"\x81\xff.jpg", "\ufffdÿ.jpg"),
    ],
)
def test_bytes_of_a_file_name_that_are_no_utf_8_are_read_as_letters(raw, name):
    assert repaired(raw.decode("utf-8", "surrogateescape")) == name


def test_other_lone_surrogates_of_a_file_name_are_replaced():
    assert repaired("a\ud83d.jpg") == "a\ufffd.jpg"
    assert repaired("a😀.jpg") == "a😀.jpg"
