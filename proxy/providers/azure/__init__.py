"""Azure: OpenAI deployments, Foundry models, and Claude on Foundry."""
