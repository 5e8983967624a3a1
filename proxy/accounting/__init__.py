"""What a call costs: pure functions over its usage and a table of prices."""
