"""Evaluations as Markdown: for the terminal, the model card and the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COLUMNS = {
    "map": "mAP",
    "p@5": "P@5",
    "p@20": "P@20",
    "map@200": "mAP@200",
    "p@200": "P@200",
    "recall@1": "R@1",
    "recall@10": "R@10",
}
_SHOWN = {"zero-shot": ("map", "map@200", "p@5", "p@20", "p@200"), "dev-large": ("map", "p@5", "p@20", "p@200")}
_COMMON = ("map", "p@5", "p@20", "recall@1", "recall@10")


def tables(evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: a sentence with the protocol, then its table, for each evaluation."""
    return [line for evaluation in evaluations for line in _table(evaluation)]


def scene_tables(evaluation: Mapping[str, Any]) -> list[str]:
    """Lines of Markdown: a sentence with the protocol "scenes", then a table with a row for each gallery."""
    protocol = evaluation["protocol"]
    galleries = {"scenes": evaluation["rows"]}
    galleries |= {f"scenes, {size}": rows for size, rows in evaluation["by_size"].items()}
    if evaluation["with_distractors"]:
        galleries["scenes and distractors"] = evaluation["with_distractors"]
    if evaluation["dev"]:
        galleries["dev"] = evaluation["dev"]
    rows = {f"{gallery}: {name}": row for gallery, own in galleries.items() for name, row in own.items()}
    return [
        f"Protocol **scenes**: {protocol['queries']} sketches ({protocol['queries_are']}) of {protocol['categories']} "
        f"categories search {protocol['gallery']} scenes, also with {protocol['distractors']} distractors; relevant "
        f"means {protocol['relevance']}, {protocol['relevant_per_query']} scenes a query; chance mAP "
        f"{protocol['chance_map']}; regions {protocol['regions']}, at most {protocol['vectors_at_most']} vectors a "
        "photo; means with 95 % bootstrap intervals over the queries.",
        "",
        *_rows(rows, ("map", "p@5")),
        "",
    ]


def _table(evaluation: Mapping[str, Any]) -> list[str]:
    protocol, rows = evaluation["protocol"], evaluation["rows"]
    columns = [c for c in _SHOWN.get(protocol["name"], _COMMON) if any(c in row for row in rows.values())]
    lines = [
        f"Protocol **{protocol['name']}**: {protocol['queries']} sketches ({protocol['queries_are']}) search "
        f"{protocol['gallery']} photos ({protocol['gallery_is']}) of {protocol['categories']} categories; relevant "
        f"means {protocol['relevance']}, {protocol['relevant_per_query']} photos a query; chance mAP "
        f"{protocol['chance_map']}; {protocol['imaginary_images']} imaginary image(s) a query; means with 95 % "
        f"bootstrap intervals over the queries.{_left_out(protocol)}",
        "",
        *_rows(rows, columns),
        "",
        *_difference(evaluation.get("difference")),
    ]
    return lines + _readings(evaluation.get("readings")) + _imagination(evaluation.get("imagination"))


def _left_out(protocol: Mapping[str, Any]) -> str:
    count = protocol.get("queries_left_out", 0)
    return f" {count} sketches of categories without a photo were left out." if count else ""


def _rows(rows: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    head = [f"| query | {' | '.join(_COLUMNS[c] for c in columns)} |", "|---" * (len(columns) + 1) + "|"]
    return head + [f"| {name} | {' | '.join(_cell(row, c) for c in columns)} |" for name, row in rows.items()]


def _difference(difference: Mapping[str, Any] | None) -> list[str]:
    return [f"Difference of mAP: {_cell(difference, 'map')}.", ""] if difference else []


def _readings(readings: Mapping[str, Any] | None) -> list[str]:
    if not readings:
        return []
    return [
        f"At most {readings['at_most']} readings: {readings['offered_mean']:.2f} are offered for a sketch in the mean, "
        f"{readings['share_with_one']:.1%} of the sketches have one, and for "
        f"{readings['share_with_the_right_one']:.1%} one of them shows a photo of the right category.",
        "",
    ]


def _imagination(quality: Mapping[str, Any] | None) -> list[str]:
    if not quality:
        return []
    kid = ", ".join(f"{name} {value['mean']:.3f} ± {value['std']:.3f}" for name, value in quality["kid"].items())
    return [
        "The same sketches and their imaginary images (seed 0), embedded as if they were photos by "
        f"{quality['encoder']}, which took no part in training, search photos in that encoder's own space:",
        "",
        *_rows(quality["rows"], ("map", "p@5", "p@20")),
        "",
        f"KID against the gallery's photos at the same size, in that encoder's features: {kid}.",
        "",
    ]


def _cell(row: Mapping[str, Any], metric: str) -> str:
    if metric not in row:
        return "–"
    low, high = row["interval"][metric]
    return f"{row[metric]:.3f} ({low:.3f} to {high:.3f})"
