"""Applications: a folder of the caller's into an image, tagged by the digest of all it is made of.

detect → lay out (a Containerfile and the files that it needs beside the source) → digest → build.
Only what the digest covers is in the build's context, and the source folder is never written to.
"""
