"""Parts of the record of a study: what ran, and what was measured."""
