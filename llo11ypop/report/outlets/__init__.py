"""Where reports go: a folder, a mailbox, a webhook."""
