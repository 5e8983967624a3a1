"""Which deployment answers a call: a pure plan, strategies in a table, one walk, and the state that workers share."""
