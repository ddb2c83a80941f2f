"""The networks: backbone, pooling, ensemble, and those that locate or align an animal."""
