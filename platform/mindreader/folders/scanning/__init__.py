"""Going through a folder: what is in it, what of that is new, changed or gone, and what becomes of it."""
