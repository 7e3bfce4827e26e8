"""How often something may be asked: the settings of the rules of `mindreader_webui.access`."""

from __future__ import annotations

import math
import time
from typing import cast

from flask import Flask, current_app
from flask.typing import RouteCallable
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_login import current_user
from limits import parse_many

from mindreader.errors import ConfigurationError
from mindreader.settings import Settings
from mindreader_webui.access import ANYONE, rule_of


def limit_rates(app: Flask, settings: Settings) -> None:
    """Bound how often a user may ask an endpoint whose rule names a rate; where nobody signs in, an address.

    Endpoints that name the same rate share it.

    Raises:
        ConfigurationError: a rate of the settings cannot be understood.
    """
    limiter = Limiter(_user_or_address, app=app, storage_uri="memory://")
    for endpoint, view in list(app.view_functions.items()):
        rule = rule_of(app, endpoint)
        if rule is not None and rule.rate is not None:
            rate = _checked(rule.rate, getattr(settings, rule.rate))
            by = get_remote_address if rule.caller is ANYONE else _user_or_address
            limit = limiter.shared_limit(rate, scope=rule.rate, key_func=by)
            app.view_functions[endpoint] = cast(RouteCallable, limit(view))


def seconds_to_wait(refused: RateLimitExceeded) -> int:
    """How long until it may be asked again, at least 2; never longer than the whole period, whatever the clock says."""
    (limiter,) = current_app.extensions["limiter"]
    period = refused.limit.limit.get_expiry()
    current = limiter.current_limit
    left = math.ceil(current.reset_at - time.time()) if current else period
    return max(2, min(left, period))  # 2: no caller is back a moment too early


def _checked(name: str, rate: str) -> str:
    # Flask-Limiter itself would only log a rate it cannot read, and limit nothing.
    try:
        parse_many(rate)
    except ValueError:
        raise ConfigurationError(f"The setting {name} is {rate!r}; write a rate such as 10/minute.") from None
    return rate


def _user_or_address() -> str:
    return f"user {current_user.account.id}" if current_user.is_authenticated else get_remote_address()
