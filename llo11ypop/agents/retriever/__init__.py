"""The retriever: runs plans once for everybody."""
