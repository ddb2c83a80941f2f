"""Every format of labels, read into labelled photos."""
