"""One call to one deployment: the provider's request out, the transport, the provider's answer back."""
