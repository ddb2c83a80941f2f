"""What trials say as curves: how probable a match is, how many are new, where distances lie."""
