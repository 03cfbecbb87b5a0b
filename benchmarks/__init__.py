"""How fast resqunn is, beside its peers."""
