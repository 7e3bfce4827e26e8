"""Blobs: the bytes of originals, thumbnails and sketches, named by their content."""

from mindreader.blobs.store import BlobStore, original_key, sha256_of, sketch_key, thumbnail_key

__all__ = ["BlobStore", "original_key", "sha256_of", "sketch_key", "thumbnail_key"]
