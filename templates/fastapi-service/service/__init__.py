"""Which lessons learners completed: from events, kept through Dapr."""
