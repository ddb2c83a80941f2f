"""Vectors proposed by a Milvus server or cluster, and compared as the catalogue holds them."""
