"""Routes that say who may use the service: keys, accounts, invitations, sessions."""
