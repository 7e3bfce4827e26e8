"""How sound the measure of copies is: copies found, other shots and other photos taken for copies.

    .venv/bin/python bench/duplicates.py --data ../shared/data --photos 400

Copies are made of some photos (resized, recompressed, both), and other shots of the same scene (held a little
differently, something moved) and edits, none of which may count as copies. Then all pairs of all photos are compared.
The same for a 64-bit dHash, by the bits that may differ. With --embeddings also how alike E2 finds them.
"""

from __future__ import annotations

import argparse
import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from mindreader.imaging import photo_array
from mindreader.imaging.fingerprints import Pictures, fingerprint
from mindreader.imaging.thumbnails import small_copy

THUMBNAIL = 512
DHASH_BITS = (0, 2, 4, 6, 8, 10)
Array = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=400, help="Of so many copies and other shots are made.")
    parser.add_argument("--embeddings", type=int, default=0, help="Ask E2 about so many of them.")
    options = parser.parse_args()
    scenes = sorted((options.data / "scenes").glob("*.webp"))
    files = sorted((options.data / "photos").glob("*/*.webp"))
    chosen = np.random.default_rng(0).choice(len(files), max(options.photos - len(scenes), 0), replace=False)
    some = [*(files[i] for i in chosen), *scenes][: options.photos]
    compare_variants(some)
    compare_all_pairs([*files, *scenes])
    if options.embeddings:
        compare_embeddings(some[: options.embeddings])


def compare_variants(files: list[Path]) -> None:
    joined: dict[str, list[bool]] = defaultdict(list)
    bits: dict[str, list[int]] = defaultdict(list)
    for number, file in enumerate(files):
        shot = Image.open(file).convert("RGB")
        variants = dict(copies(shot)) | dict(others(shot, np.random.default_rng(number)))
        images = [shot, *variants.values()]
        pictures = taken(images)
        near = pictures.copies(pictures)[0]
        hashes = [dhash(image) for image in images]
        for place, name in enumerate(variants, 1):
            joined[name].append(bool(near[place]))
            bits[name].append(int((hashes[0] != hashes[place]).sum()))
    print(
        f"{len(files)} photos; share taken for copies by their fingerprints, and by dHash with so many bits differing"
    )
    print(f"{'':28}fingerprint " + "".join(f"{f'<= {n}':>7}" for n in DHASH_BITS))
    for name, found in joined.items():
        shares = "".join(f"{np.mean(np.array(bits[name]) <= n):7.3f}" for n in DHASH_BITS)
        print(f"{name:28}{np.mean(found):11.3f} {shares}")


def compare_all_pairs(files: list[Path]) -> None:
    looks = [looks_of(Image.open(file).convert("RGB")) for file in files]
    pictures = Pictures.of([made for made, _, _ in looks], [size for _, size, _ in looks])
    hashes = np.stack([bits for _, _, bits in looks]).astype(np.float32)
    pairs, by_bits = [], np.zeros(len(DHASH_BITS), int)
    for start in range(0, len(files), 256):
        block = np.arange(start, min(start + 256, len(files)))
        later = block[:, None] < np.arange(len(files))[None]
        pairs += [(start + int(a), int(b)) for a, b in np.argwhere(pictures[block].copies(pictures) & later)]
        differing = (hashes[block] @ (1 - hashes.T) + (1 - hashes[block]) @ hashes.T)[later]
        by_bits += [int((differing <= n).sum()) for n in DHASH_BITS]
    print(f"\nall {len(files) * (len(files) - 1) // 2} pairs of {len(files)} photos: {len(pairs)} taken for copies")
    for one, other in pairs:
        print(f"  {files[one]} {files[other]}")
    print(
        "by dHash with so many bits differing: "
        + ", ".join(f"{n}: {c}" for n, c in zip(DHASH_BITS, by_bits, strict=True))
    )


def compare_embeddings(files: list[Path]) -> None:
    from mindreader.bundles import default_bundle_folder, read_bundle
    from mindreader.inference.engines.torch_engine import TorchEngine
    from mindreader.inference.photo_encoder import PhotoEncoder

    encoder = PhotoEncoder.of_bundle(read_bundle(default_bundle_folder()), TorchEngine.on("cpu", "auto"))
    cosines: dict[str, list[float]] = defaultdict(list)
    for number, file in enumerate(files):
        shot = Image.open(file).convert("RGB")
        variants = dict(copies(shot)) | dict(others(shot, np.random.default_rng(number)))
        size = encoder.description.input_size
        vectors = encoder.embed(np.stack([photo_array(image, size) for image in (shot, *variants.values())]))
        for name, cosine in zip(variants, vectors[1:] @ vectors[0], strict=True):
            cosines[name].append(float(cosine))
    print(f"\n{len(files)} photos; cosine similarity by E2: least, median")
    for name, values in cosines.items():
        print(f"{name:28}{min(values):8.3f}{np.median(values):8.3f}")


def taken(images: list[Image.Image]) -> Pictures:
    looks = [looks_of(image) for image in images]
    return Pictures.of([made for made, _, _ in looks], [size for _, size, _ in looks])


def looks_of(image: Image.Image) -> tuple[bytes, tuple[int, int], Array]:
    """Fingerprint, size and dHash."""
    return fingerprint(small_copy(image, THUMBNAIL)), image.size, dhash(image)


def dhash(image: Image.Image) -> Array:
    grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR), np.int16)
    return (grey[:, 1:] > grey[:, :-1]).ravel()


def copies(shot: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    for share in (0.25, 0.35, 0.5, 0.75, 0.9):
        yield f"resized to {share}", resized(shot, share)
    for kind in ("JPEG", "WEBP"):
        for quality in (30, 50, 75, 95):
            yield f"{kind} quality {quality}", coded(shot, kind, quality)
    for share, kind, quality in ((0.5, "JPEG", 75), (0.5, "WEBP", 75), (0.5, "JPEG", 30), (0.25, "JPEG", 75)):
        yield f"{share}, {kind} {quality}", coded(resized(shot, share), kind, quality)


def others(shot: Image.Image, random: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """What is no copy: its name begins with "not: "."""
    width, height = shot.size
    for share in (0.005, 0.01, 0.02, 0.03):
        shifted = shot.crop((max(1, round(width * share)), 0, width, height - max(1, round(height * share))))
        yield f"not: held {share:.1%} aside", shifted
    turned = shot.rotate(1, Image.Resampling.BICUBIC)
    yield "not: turned by 1 degree", turned.crop((6, 6, width - 6, height - 6))
    yield "not: 2 % nearer", shot.crop((width // 100, height // 100, width - width // 100, height - height // 100))
    yield "not: a quarter of it moved", moved(shot, random)
    yield "not: brighter by 10 %", ImageEnhance.Brightness(shot).enhance(1.1)
    yield "not: mirrored", shot.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def moved(shot: Image.Image, random: np.random.Generator) -> Image.Image:
    side = min(shot.size) // 4
    x, y = (int(random.integers(0, length - side - length // 16)) for length in shot.size)
    other = shot.copy()
    other.paste(shot.crop((x, y, x + side, y + side)), (x + shot.width // 20, y + shot.height // 50))
    return other


def resized(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)


def coded(image: Image.Image, kind: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return Image.open(buffer).convert("RGB")


if __name__ == "__main__":
    main()
