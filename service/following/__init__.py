"""What other services and commands change of the catalogue, followed within a second."""
