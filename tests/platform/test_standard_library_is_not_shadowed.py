"""The folder `platform/` must never hide the standard library's module of that name."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_import_platform_is_the_standard_library_s_from_the_repository_root():
    code = "import platform; print(platform.__file__); platform.system()"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert Path(printed.strip()).parent == Path(sys.base_prefix) / "lib" / f"python3.{sys.version_info.minor}"


def test_platform_is_no_package():
    assert not (REPOSITORY / "platform" / "__init__.py").exists()
