import pytest

from mindreader.library.files.system_folders import is_skipped, skipped_folders

NAMES = [
    "@eaDir",
    "@EADIR",
    ".@__thumb",
    "#recycle",
    "@Recycle",
    ".Trash-1000",
    ".picasaoriginals",
    ".thumbnails",
    "lost+found",
    "__MACOSX",
    "$RECYCLE.BIN",
    "System Volume Information",
    "Catalog Previews.lrdata",
]


@pytest.mark.parametrize("name", NAMES)
def test_folders_of_systems_and_hidden_ones_are_passed_over(name):
    assert is_skipped(name, skipped_folders(""))


@pytest.mark.parametrize("name", ["2020", "recycle", "eaDir", "thumbnails", "A.B", "@home", "lost+founds", "café\n"])
def test_folders_of_people_are_not(name):
    assert not is_skipped(name, skipped_folders(""))


def test_the_setting_adds_names_and_patterns():
    skipped = skipped_folders(" Private , *_proxies,,[Originals]")
    for name in ("private", "2020_proxies", "[originals]", "@eaDir"):
        assert is_skipped(name, skipped)
    for name in ("Privates", "o", ""):
        assert not is_skipped(name, skipped)
