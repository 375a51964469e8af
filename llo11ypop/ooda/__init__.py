"""The loop: observe, orient, decide, act, over metric goals."""
