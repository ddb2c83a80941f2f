"""What can be asked of a service: each request described once, and sent by either client."""
