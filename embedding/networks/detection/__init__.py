"""The network that finds any number of animals in a whole scene."""
