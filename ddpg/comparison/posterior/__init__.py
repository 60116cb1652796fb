"""How good several restorations of one observation are as samples: tables, a figure, a section."""
