"""Routes that answer about photos: identify, verify, embed, explain."""
