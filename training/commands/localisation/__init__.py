"""Commands that train what finds animals and body parts in photos."""
