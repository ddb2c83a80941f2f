"""Originals in an object store, such as S3, of which the media folder then is a cache."""
