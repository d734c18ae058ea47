"""What students are given beside the stubs. Nobody edits it, and graders use their own copy."""
