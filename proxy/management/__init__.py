"""What the management API does: keys, teams and users are made, changed and shown. Views call it with checked fields."""
