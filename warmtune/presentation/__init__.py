"""How figures look to a reader: numbers as text, charts, and the templates around them. Knows no stage."""
