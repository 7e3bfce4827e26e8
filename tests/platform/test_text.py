import pytest

from mindreader.errors import InvalidInputError
from mindreader.text import checked_name, visible_text


def test_names_are_trimmed_and_brought_into_one_form():
    assert checked_name("  Cafe\u0301 ", 10) == "Café"


def test_emoji_of_several_characters_stay_whole():
    family = "👨\u200d👩\u200d👧"
    assert checked_name(family, 10) == family


@pytest.mark.parametrize("name", ["", "   ", "x" * 11, "a\0b", "a\nb", "a\ud800b", "a\u202eb"])
def test_unusable_names_are_refused(name):
    with pytest.raises(InvalidInputError):
        checked_name(name, 10)


@pytest.mark.parametrize(
    "name",
    ["\u200b", "\u2060\ufeff", "\u2800", "\u3164", "\U000e0041", "\xad", "\ufe0f", "\u034f", "\u0301", "\u200d \u2003"],
)
def test_a_name_that_shows_nothing_is_refused(name):
    with pytest.raises(InvalidInputError):
        checked_name(name, 10)


@pytest.mark.parametrize("name", ["नमस्ते", "می\u200cخواهم", "é", "❤\ufe0f", "Á", "ᠮᠣᠩᠭᠣᠯ", "7"])
def test_marks_and_joiners_beside_letters_are_taken(name):
    assert checked_name(name, 20)


def test_the_longest_name_is_taken():
    assert checked_name("x" * 10, 10) == "x" * 10


def test_visible_text_leaves_everything_else_alone():
    assert visible_text("a\0b\tc\u202ed é👍") == "abcd é👍"
