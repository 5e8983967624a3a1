"""Keys, teams, users and budgets: pure rules over frozen values."""
