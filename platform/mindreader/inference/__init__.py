"""Networks at work: E2 for photos, G and E1 for sketches."""
