"""A single-node Kubernetes of upstream binaries in Linux namespaces of its own, without Docker.

`provider` is the way in, on the host. It writes `settings` into the cluster's folder and starts
`node`, the first process of the namespaces, which starts and watches everything else. To end that
one process is to end the cluster.
"""
