"""Where things are: coordinates read from texts, made coarse, and the coastline of maps."""
