"""Skills that install platforms on Kubernetes, and the runner that proves they work."""

__version__ = "0.1.0"
