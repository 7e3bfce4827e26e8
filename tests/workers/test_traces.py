"""OpenTelemetry: one trace from the browser's request to the worker's stages, where the settings name a collector."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mindreader.errors import ConfigurationError
from mindreader.observability import traces
from mindreader.settings import Settings
from tests.support.collector import collecting
from tests.support.deployments import DEPLOYMENTS
from tests.support.patrons import Patron
from tests.support.photos import write_photos
from tests.support.server import data_with, environment, server
from tests.support.services import free_port, wait_until

STAGES = {"decode", "imagine", "query"}


@pytest.mark.parametrize(
    ("stores", "processes"), [pytest.param("embedded", 1, marks=pytest.mark.slow), ("services", 2)]
)
def test_a_search_is_one_trace_from_the_request_to_the_stages(stores, processes, tmp_path, quick_bundle, sketch_png):
    with collecting() as collector:
        deployment = DEPLOYMENTS[stores](tmp_path, MINDREADER_TRACES_URL=collector.url, OTEL_BSP_SCHEDULE_DELAY="100")
        deployment.install(quick_bundle)
        deployment.start()
        try:
            with deployment.api() as api:
                patron = Patron(api)
                assert patron.upload(write_photos(tmp_path / "photos", 3))
                named = {"X-Request-ID": "request-of-a-test"}
                api.post("/searches", files={"sketch": sketch_png}, headers=named).raise_for_status()
            wait_until(lambda: {span.name for span in collector.spans} >= STAGES, "the stages")
            wait_until(lambda: "upsert" in {span.name for span in collector.spans}, "embedding")
            wait_until(lambda: of_request(collector), "the request")
        finally:
            deployment.close()
    (request,) = of_request(collector)
    together = [span for span in collector.spans if span.trace == request.trace]
    assert STAGES | {"run/mindreader.search"} <= {span.name for span in together}
    assert len({span.process for span in together}) == processes
    assert {span.service for span in collector.spans} == {"mindreader"}
    asked = {span.attributes.get("url.path", span.attributes.get("http.target")) for span in collector.spans}
    assert not asked & {"/healthz", "/readyz"}


def of_request(collector):
    return [span for span in collector.spans if span.attributes.get("mindreader.request_id") == "request-of-a-test"]


def test_a_collector_that_is_away_disturbs_nobody(tmp_path, quick_bundle, sketch_png):
    data, away = data_with(tmp_path, quick_bundle), f"http://127.0.0.1:{free_port()}"
    with server(data, MINDREADER_TRACES_URL=away) as web, web.api() as api:
        assert api.post("/searches", files={"sketch": sketch_png}).status_code == 200


def test_without_the_setting_nothing_that_traces_is_loaded(tmp_path):
    code = (
        "import sys; from mindreader.settings import load_settings; from mindreader_webui.server import prepare;"
        "from mindreader_webui.app import create_app; create_app(prepare(load_settings()));"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.instr', 'opentelemetry.sdk.trace'))])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(tmp_path / "data"), capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_without_its_packages_the_setting_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigurationError, match=r"mindreader\[traces\]"):
        traces.start_traces(Settings(traces_url="http://127.0.0.1:4318"))
