"""What an approval thread shows to whoever opens it: LangChain's human-in-the-loop request, one action per interrupt.

`args` is what LangChain 1.4 and agent-chat-ui read; agent-inbox (2026-08) reads `arguments`. Both are sent.
"""

from typing import Any

from llo11ypop.core.proposal import Proposal

DECISIONS = ("approve", "edit", "reject")


def hitl_request(proposal: Proposal, description: str) -> dict[str, Any]:
    """The request for the proposed action, as plain JSON; `description` is Markdown."""
    action = proposal.action
    return {
        "action_requests": [
            {
                "name": action.name.value,
                "args": dict(action.arguments),
                "arguments": dict(action.arguments),
                "description": description,
            }
        ],
        "review_configs": [{"action_name": action.name.value, "allowed_decisions": list(DECISIONS)}],
    }
