"""What the wire formats share when they translate from and to OpenAI's form."""
