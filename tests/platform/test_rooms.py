"""A newcomer sees at a glance what lies in a folder."""

from __future__ import annotations

from pathlib import Path

import mindreader

MOST = 12


def test_no_folder_holds_more_modules_than_one_takes_in():
    inside = Path(mindreader.__file__).parent
    modules = [path for path in inside.rglob("*.py") if path.name != "__init__.py" and "migrations" not in path.parts]
    assert len(modules) > 100
    folders = {path.parent for path in modules}
    crowded = {str(folder): n for folder in folders if (n := sum(path.parent == folder for path in modules)) > MOST}
    assert crowded == {}
