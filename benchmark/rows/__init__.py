"""Training and test rows as data: read, recognised, converted, checked, cleaned, compared."""
