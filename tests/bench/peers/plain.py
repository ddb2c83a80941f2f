"""What a laboratory would write itself: FastAPI with eager PyTorch and flat FAISS.

    python -m tests.bench.peers.plain PORT CATALOGUE

It gives the photo the same networks and compares it with the same vectors as flukeprint does, and
answers with five individuals. It judges, measures and checks nothing. Its networks have their batch
norms fused, as flukeprint's loader makes them, so it is a little faster than eager ones could be.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import PIL.Image
import uvicorn
from fastapi import FastAPI, UploadFile

from embedding.embedder import Embedder
from tests.bench.peers.vectors import catalogue_vectors


class Plain:
    """Eager networks and a flat index."""

    def __init__(self, catalogue: Path) -> None:
        self.embedder = Embedder.load(runtime="torch", device="cpu")
        vectors, self.individuals = catalogue_vectors(catalogue)
        self.index = faiss.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)

    def embed(self, photos: list[bytes]) -> Any:
        """(n, d) of n files."""
        images = [PIL.Image.open(io.BytesIO(photo)).convert("RGB") for photo in photos]
        return self.embedder.embed(images)

    def answer(self, vector: Any) -> dict[str, Any]:
        """The five nearest individuals."""
        cosines, rows = self.index.search(np.asarray(vector)[None], 100)
        best: dict[str, float] = {}
        for cosine, row in zip(cosines[0].tolist(), rows[0].tolist(), strict=True):
            best.setdefault(self.individuals[row], 1 - cosine)
        return {
            "matches": [
                {"individual": individual, "distance": distance}
                for individual, distance in list(best.items())[:5]
            ]
        }


def serve(port: int, catalogue: Path) -> None:
    plain, app = Plain(catalogue), FastAPI()

    @app.post("/identify")
    def identify(photos: UploadFile) -> Any:
        return plain.answer(plain.embed([photos.file.read()])[0])

    app.add_api_route("/readyz", lambda: "ready")
    uvicorn.run(app, port=port, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
