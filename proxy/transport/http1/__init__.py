"""The HTTP/1.1 connection: pool, request head, response parser, TLS, and waiting on sockets."""
