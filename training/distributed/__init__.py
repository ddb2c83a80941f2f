"""Several processes that train one network: their place, what they share, who prints."""
