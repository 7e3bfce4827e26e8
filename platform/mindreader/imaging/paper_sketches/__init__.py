"""Sketches photographed on paper: the sheet found in the picture, its strokes told from the paper."""
