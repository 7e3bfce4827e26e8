"""Everything about pixels before the networks: photos, thumbnails and sketches, decoded in one place."""

from mindreader.imaging.arrays import photo_array
from mindreader.imaging.decode import DecodedPhoto, decode_photo
from mindreader.imaging.decoders import Decoders, PhotoFile, decode_processes, decoders
from mindreader.imaging.sketches import Sketch, decode_sketch, sketch_array
from mindreader.imaging.thumbnails import THUMBNAIL_MEDIA_TYPE, make_thumbnail

__all__ = [
    "THUMBNAIL_MEDIA_TYPE",
    "DecodedPhoto",
    "Decoders",
    "PhotoFile",
    "Sketch",
    "decode_photo",
    "decode_processes",
    "decode_sketch",
    "decoders",
    "make_thumbnail",
    "photo_array",
    "sketch_array",
]
