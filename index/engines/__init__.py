"""Which engine searches where: in memory, in the catalogue's PostgreSQL, or on Milvus."""
