"""How good a colorization is, by the field's definitions."""
