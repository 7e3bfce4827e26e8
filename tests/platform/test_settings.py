import re
from pathlib import Path

import pytest

from mindreader.commands.settings import settings_table
from mindreader.errors import ConfigurationError
from mindreader.settings import Settings, load_settings

REPOSITORY = Path(__file__).parents[2]


def test_an_unknown_variable_is_an_error_that_names_it():
    with pytest.raises(ConfigurationError, match="MINDREADER_PROT"):
        load_settings({"MINDREADER_PROT": "1"})


def test_an_impossible_value_is_an_error_that_names_the_variable():
    with pytest.raises(ConfigurationError, match="MINDREADER_PORT"):
        load_settings({"MINDREADER_PORT": "99999"})


def test_regions_are_those_of_a_scheme():
    assert load_settings({}).regions == "auto"
    assert load_settings({"MINDREADER_REGIONS": "grid6"}).regions == "grid6"
    with pytest.raises(ConfigurationError, match=r"MINDREADER_REGIONS.*grid6"):
        load_settings({"MINDREADER_REGIONS": "grid99"})


def test_what_is_given_is_all_that_counts(monkeypatch):
    monkeypatch.setenv("MINDREADER_PORT", "9999")
    assert load_settings({}).port == 8765
    assert load_settings().port == 9999


def test_the_command_line_s_own_variables_are_no_unknown_settings():
    load_settings({"MINDREADER_TOKEN": "x", "MINDREADER_SERVER": "http://localhost"})


def test_everything_lies_in_the_data_folder_by_default(tmp_path):
    settings = load_settings({"MINDREADER_DATA_DIR": str(tmp_path)})
    assert settings.catalog_url == f"sqlite:///{tmp_path}/catalog.sqlite3"
    assert settings.blobs_root == str(tmp_path / "blobs")
    assert settings.index_dir.is_relative_to(tmp_path)


def test_results_go_where_the_broker_is():
    assert load_settings({}).results_url == "memory://"
    assert load_settings({"MINDREADER_BROKER_URL": "redis://h/1"}).results_url == "redis://h/1"


def test_every_setting_has_help():
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


def test_the_settings_page_is_the_table_of_the_code():
    page = (REPOSITORY / "docs" / "settings.md").read_text()
    assert settings_table() in page, "run `mindreader settings --markdown` and paste it into docs/settings.md"


def test_no_settings_are_read_outside_the_declaration():
    elsewhere = [
        path
        for root in ("platform", "workers", "webui", "training")
        for path in (REPOSITORY / root).rglob("*.py")
        if re.search(r"environ.*MINDREADER_", path.read_text()) and path.name != "settings.py"
    ]
    assert not elsewhere


def test_any_setting_may_be_read_from_a_file(tmp_path):
    (tmp_path / "url").write_text("postgresql://user:a secret@host/mindreader\n")
    settings = load_settings({"MINDREADER_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.database_url == "postgresql://user:a secret@host/mindreader"


def test_a_setting_and_its_file_at_once_are_refused(tmp_path):
    (tmp_path / "port").write_text("1")
    with pytest.raises(ConfigurationError, match="Both MINDREADER_PORT and MINDREADER_PORT_FILE"):
        load_settings({"MINDREADER_PORT": "1", "MINDREADER_PORT_FILE": str(tmp_path / "port")})


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"MINDREADER_PORT_FILE names .*nowhere"):
        load_settings({"MINDREADER_PORT_FILE": str(tmp_path / "nowhere")})


def test_a_file_of_a_setting_that_is_not_there_is_unknown(tmp_path):
    with pytest.raises(ConfigurationError, match="MINDREADER_NONSENSE_FILE"):
        load_settings({"MINDREADER_NONSENSE_FILE": str(tmp_path)})
