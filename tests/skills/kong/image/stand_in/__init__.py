"""Kong as a test plays it, in one image: the gateway, and its ingress controller."""
