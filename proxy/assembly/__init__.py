"""How the parts of an application are built from its settings."""
