"""Everything about pixels before the networks: photos, thumbnails and sketches, decoded in one place."""

from mindreader.imaging.arrays import MOST_ELONGATED, Corners, photo_array, photo_pixels
from mindreader.imaging.decode import DecodedPhoto, decode_photo
from mindreader.imaging.decoders import Decoders, DrawingPreview, PhotoFile, decode_processes, decoders
from mindreader.imaging.metadata.camera import Camera
from mindreader.imaging.sketches import Reading, Sketch, decode_sketch, read_drawing, sketch_array
from mindreader.imaging.thumbnails import THUMBNAIL_MEDIA_TYPE, make_thumbnail

__all__ = [
    "MOST_ELONGATED",
    "THUMBNAIL_MEDIA_TYPE",
    "Camera",
    "Corners",
    "DecodedPhoto",
    "Decoders",
    "DrawingPreview",
    "PhotoFile",
    "Reading",
    "Sketch",
    "decode_photo",
    "decode_processes",
    "decode_sketch",
    "decoders",
    "make_thumbnail",
    "photo_array",
    "photo_pixels",
    "read_drawing",
    "sketch_array",
]
