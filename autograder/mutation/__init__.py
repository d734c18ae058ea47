"""Wrong versions of a reference made by machine, and what the checks make of them."""
