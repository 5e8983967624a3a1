"""Faster parts in place of Flask's, gunicorn's and gevent's own, behind door.py. The only code that uses their private names."""
