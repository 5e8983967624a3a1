"""The wire: HTTP, the framings of streams, the address guard, and credentials that take more than a header."""
