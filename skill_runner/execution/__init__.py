"""One plan against one cluster: preflight, steps, waits, proofs, and the way back."""
