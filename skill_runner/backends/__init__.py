"""The doors to the outside: Helm and the Kubernetes API, real and in memory."""
