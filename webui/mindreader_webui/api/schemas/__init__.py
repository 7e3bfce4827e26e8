"""Bodies, queries, paths and answers of the HTTP API (pydantic)."""
