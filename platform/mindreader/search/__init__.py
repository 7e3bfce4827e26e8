"""From a sketch to the photos found; searches and sketches that are kept."""
