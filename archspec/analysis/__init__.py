"""What a network costs, and what differs between two; no framework is needed."""
