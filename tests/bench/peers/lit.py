"""The plain service in LitServe, which makes batches of what arrives together.

python -m tests.bench.peers.lit PORT CATALOGUE
"""

import sys
from pathlib import Path
from typing import Any

import litserve
import torch

from tests.bench.peers.plain import Plain


class Api(litserve.LitAPI):
    """Decodes, embeds and compares batches, in a process of its own."""

    def __init__(self, catalogue: Path) -> None:
        super().__init__(max_batch_size=8, batch_timeout=0.005, api_path="/identify")
        self.catalogue = catalogue

    def setup(self, device: str) -> None:
        torch.set_num_threads(1)  # with two, its process waits for itself on two busy cores
        self.plain = Plain(self.catalogue)

    def decode_request(self, request: litserve.Request) -> bytes:
        return request["photos"].file.read()

    def batch(self, inputs: Any) -> Any:
        return inputs

    def predict(self, x: Any) -> Any:
        return self.plain.embed(x)

    def unbatch(self, output: Any) -> Any:
        return list(output)

    def encode_response(self, output: Any) -> dict[str, Any]:
        return self.plain.answer(output)


if __name__ == "__main__":
    server = litserve.LitServer(
        Api(Path(sys.argv[2])), accelerator="cpu", healthcheck_path="/readyz", timeout=False
    )
    server.run(port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
