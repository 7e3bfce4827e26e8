"""What each part of the `small` preset is worth: short runs that differ in one thing each.

    .venv/bin/python bench/ablation.py --data ../shared/data --out runs/ablation

Every row is one `mindreader train`, with its "dev" evaluation; rows that are there already are not trained again.
The runs are far too short for a good model: compare the rows of one table with each other, with nothing else.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SHORT = ("--preset small", "--set batch=32", "--set query_encoder_size=128", "--seed 0")
_READING = (
    *_SHORT,
    "--set 'phases.query encoder.steps=200'",
    "--set phases.generator.steps=0",
    "--set 'phases.joint fine-tuning.steps=0'",
)
_IMAGINING = (
    *_SHORT,
    "--set 'phases.query encoder.steps=150'",
    "--set phases.generator.steps=150",
    "--set 'phases.joint fine-tuning.steps=0'",
    "--imagination",
)


@dataclass(frozen=True)
class Row:
    """One run."""

    name: str
    options: str = ""


READING = (
    Row("as `small`"),
    Row("Lite0 instead of Lite2", "--photo-encoder efficientnet-lite0"),
    Row("no projection", "--set projection=none"),
    Row("no category loss", "--set weights.category=0"),
    Row("no instance loss", "--set weights.instance=0"),
    Row("no pseudo-sketches", "--set aligned_share=0"),
    Row("pseudo-sketches only, no human sketch", "--set aligned_share=1"),
    Row("Sketchy only, no doodles, no PACS, no Caltech", "--source sketchy"),
)
IMAGINING = (
    Row("as `small`"),
    Row("no adversarial loss", "--set weights.gan=0"),
    Row("no perceptual loss", "--set weights.perceptual=0"),
    Row("no semantic loss", "--set weights.semantic=0"),
    Row("no pseudo-sketches", "--set aligned_share=0"),
    Row("PatchGAN, G not told the subject (as pix2pix)", "--set discriminator=patch --set conditioned=false"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=("reading", "imagining"), help="One of the two tables.")
    parser.add_argument("--rows", type=int, nargs="*", help="Only these rows, by number; 0 is the whole preset.")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.only != "imagining":
        _table("reading", _READING, _chosen(READING, asked.rows), asked.data, asked.out)
    if asked.only != "reading":
        _table("imagining", _IMAGINING, _chosen(IMAGINING, asked.rows), asked.data, asked.out)


def _chosen(rows: tuple[Row, ...], numbers: list[int] | None) -> dict[int, Row]:
    return {number: row for number, row in enumerate(rows) if numbers is None or number in numbers}


def _table(kind: str, common: tuple[str, ...], rows: dict[int, Row], data: Path, out: Path) -> None:
    print(f"\nEach row: `mindreader train {' '.join(common)}` and the row's own options.\n")
    columns = ("without G",) if kind == "reading" else ("G + E1", "imaginary alone", "outside encoder", "KID")
    print(f"| {kind} | options | {' | '.join(columns)} | hours |\n|---|---|{'---|' * len(columns)}---|")
    for number, row in rows.items():
        manifest = _trained(out / f"{kind}-{number}", common, row, data, out)
        options = f"`{row.options}`" if row.options else ""
        figures = " | ".join(_figures(kind, manifest["metrics"][0]))
        print(f"| {row.name} | {options} | {figures} | {manifest['training']['hours']:.2f} |", flush=True)


def _trained(folder: Path, common: tuple[str, ...], row: Row, data: Path, out: Path) -> dict[str, Any]:
    manifest = folder / "bundle" / "bundle.json"
    if not manifest.exists():
        folder.mkdir(exist_ok=True)
        encoder = "lite0" if "lite0" in row.options else "lite2"
        cache = out / f"photo_embeddings-{encoder}-{'sketchy' if '--source' in row.options else 'all'}.npz"
        if cache.exists():
            shutil.copy(cache, folder / "photo_embeddings.npz")
        options = shlex.split(" ".join((*common, row.options)))
        command = [str(Path(sys.executable).parent / "mindreader"), "train", *options]
        resume = ["--resume"] if (folder / "checkpoint.pt").exists() else []
        with (folder / "train.log").open("a") as log:
            subprocess.run([*command, "--data", str(data), "--out", str(folder), *resume], check=True, stdout=log)
        shutil.copy(folder / "photo_embeddings.npz", cache)
        (folder / "checkpoint.pt").unlink()  # 200 MB each
    trained: dict[str, Any] = json.loads(manifest.read_text())
    return trained


def _figures(kind: str, evaluation: dict[str, Any]) -> list[str]:
    rows = evaluation["rows"]
    if kind == "reading":
        return [_interval(rows["query_encoder"])]
    judged = evaluation["imagination"]
    return [
        _interval(rows["generator_and_query_encoder"]),
        _interval(rows["imaginary_to_query_encoder"]),
        _interval(judged["rows"]["imaginary_to_photo_encoder"]),
        f"{judged['kid']['imaginary_to_photo_encoder']['mean']:.2f}",
    ]


def _interval(row: dict[str, Any]) -> str:
    low, high = row["interval"]["map"]
    return f"{row['map']:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
