"""From an answer to its mark: the rules, the judge, and marks made by hand."""
