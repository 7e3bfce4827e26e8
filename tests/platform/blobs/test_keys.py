import hashlib
from io import BytesIO
from pathlib import Path

import pytest

from mindreader.blobs import original_key, sha256_of, sketch_key, thumbnail_key
from mindreader.blobs.keys import check_key
from mindreader.errors import InvalidInputError

SHA = hashlib.sha256(b"photo").hexdigest()


def test_keys_follow_from_the_content() -> None:
    shard = f"{SHA[:2]}/{SHA[2:4]}/{SHA}"
    assert original_key(SHA) == f"originals/{shard}"
    assert thumbnail_key(SHA, 512) == f"thumbnails/{shard}-512.webp"
    assert sketch_key(SHA) == f"sketches/{shard}.png"
    assert all(check_key(key) for key in (original_key(SHA), thumbnail_key(SHA, 512), sketch_key(SHA)))


@pytest.mark.parametrize("sha256", ["", SHA[:-1], SHA + "0", SHA.upper(), "../" + SHA[3:], SHA + "\n", "g" * 64])
@pytest.mark.parametrize("key_of", [original_key, sketch_key, lambda sha256: thumbnail_key(sha256, 512)])
def test_only_a_sha256_makes_a_key(key_of, sha256: str) -> None:
    with pytest.raises(InvalidInputError, match="SHA-256"):
        key_of(sha256)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "..",
        "../secret",
        "a/../b",
        "a/./b",
        "/etc/passwd",
        "a//b",
        "a/",
        ".hidden",
        "a/.temporary/b",
        "Photo",
        "a b",
        "a\\b",
        "a\0b",
        "a\n",
        "ä",
        "s3://bucket/x",
        "~root",
        "a" * 300,
        "/".join("a" * 40),
    ],
)
def test_nothing_else_is_a_key(key: str) -> None:
    with pytest.raises(InvalidInputError, match="name of a blob"):
        check_key(key)


def test_the_hash_of_a_path_and_of_a_file_are_that_of_the_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    (tmp_path / "file").write_bytes(data)
    expected = hashlib.sha256(data).hexdigest()
    assert sha256_of(tmp_path / "file") == expected
    assert sha256_of(BytesIO(data)) == expected
    assert sha256_of(BytesIO()) == hashlib.sha256().hexdigest()
