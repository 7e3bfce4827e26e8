"""What a photo's regions say of a query, for tests to compare with."""

from mindreader.boxes import Box
from mindreader.photo_index import Regions
from mindreader.photo_index.protocol import Vector


def best_box(regions: Regions, query: Vector) -> Box:
    """Where the region nearest to ``query`` (D,) lies; of equals the first."""
    return regions.boxes[int((regions.vectors @ query).argmax())]
