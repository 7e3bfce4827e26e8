"""MindReader's core: find photos by drawing (settings, catalog, blobs, imaging, networks, photo index, use cases)."""
