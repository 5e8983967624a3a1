"""How bytes of clients become WSGI calls: gunicorn's gevent worker with a short way for ordinary requests."""
