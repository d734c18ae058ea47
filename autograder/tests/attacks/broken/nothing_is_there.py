"""Is empty but for a comment.

expect: scale=0 scale_backward=0
"""

# I could not do it this week, sorry.
