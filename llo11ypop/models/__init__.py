"""Everything about talking to an endpoint of the OpenAI protocol, and nothing about agents."""
