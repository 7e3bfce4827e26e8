"""Blobs: the bytes of originals, thumbnails, previews and sketches, named by their content."""

from mindreader.blobs.store import BlobStore, original_key, preview_key, sha256_of, sketch_key, thumbnail_key

__all__ = ["BlobStore", "original_key", "preview_key", "sha256_of", "sketch_key", "thumbnail_key"]
