"""A network of few weights."""

from __future__ import annotations

from embedding.networks.network import NetworkConfig

TINY = NetworkConfig("test_resnet", embedding_dim=8)
