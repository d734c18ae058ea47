"""Code that draws the handouts' figures: one module with `draw() -> str` (SVG) each."""
