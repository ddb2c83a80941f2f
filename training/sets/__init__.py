"""Labelled sets read for training, alone or several species together."""
