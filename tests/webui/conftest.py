"""Who asks the web UI."""

from tests.support.web_fixtures import *  # noqa: F403
