"""The commands that train, evaluate, tune and look at labelled sets."""
