"""Who a request is from: keys, sessions, and pages of other sites that are none of ours."""
