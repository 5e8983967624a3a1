"""A JSON object as its text: read members, replace members, keep every other byte."""
