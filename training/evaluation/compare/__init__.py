"""Ways to answer compared: experiments that lost against the nearest photo, and what won."""
