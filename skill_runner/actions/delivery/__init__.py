"""Delivery by Git: a platform as files that Argo CD syncs, and what stands of them."""
