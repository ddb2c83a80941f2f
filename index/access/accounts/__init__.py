"""People's accounts: names with passwords, invitations, and the sessions of those signed in."""
