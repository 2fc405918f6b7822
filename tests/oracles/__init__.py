"""What original implementations computed, on weights and images that are drawn again by their names."""
