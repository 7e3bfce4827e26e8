"""`mindreader models regions`, against the HTTP API in this process."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from mindreader_webui.commands.models import list_models, models


class Api:
    """The client of the command line, over a person of the tests."""

    def __init__(self, person):
        self._person = person

    def get(self, path):
        return self._person.get(path).json

    def post(self, path, **sent):
        answer = self._person.post(path, **sent)
        assert answer.status_code == 201, answer.text
        return answer.json


@pytest.fixture
def run(admin, monkeypatch):
    @contextmanager
    def connected(*_):
        yield Api(admin)

    monkeypatch.setattr(sys.modules[list_models.callback.__module__], "connected", connected)

    def run(*arguments, status=0):
        done = CliRunner().invoke(models, [*map(str, arguments)])
        assert done.exit_code == status, done.output
        return done.output

    return run


def test_regions_are_added_and_what_they_cost_is_said(run, version):
    said = run("regions", version.id, "grid6")
    assert "first · regions: not built (0 photos" in said
    assert "models build" in said
    assert "first · regions" in run("list")


def test_without_a_name_the_best_regions_are_added_until_there_are_no_more(run, admin, version):
    addable = [each["regions"] for each in admin.get("/models").json["models"][0]["addable_regions"]]
    added = [json.loads(run("regions", version.id, "--json"))["model"]["regions"] for _ in addable]
    assert added == addable
    assert "no regions to add" in run("regions", version.id, status=1)
