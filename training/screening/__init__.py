"""The head that sees whether a photo shows an animal of the checkpoint, and how it is turned."""
