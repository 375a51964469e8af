"""The conversation: guard → direct → read or analyse → retrieve → deepen → answer."""
