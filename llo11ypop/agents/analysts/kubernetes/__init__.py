"""The Kubernetes analyst."""
