"""Vectors stored by the columns that aren't zero: a humpback's 192 numbers of 816."""
