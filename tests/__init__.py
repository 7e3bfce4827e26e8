"""Tests, and what they share in `tests.support`. A package, so that no other one called `tests` stands in its place."""
