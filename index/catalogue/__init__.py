"""The record of photos, individuals and encounters, read and changed by revisions."""
