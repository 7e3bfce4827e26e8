"""Photos and what they lie in: collections, categories, sharing, upload, trash."""
