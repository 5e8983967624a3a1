"""What the processes of one host share: files that are allocated whole, one lock, one table of processes, one folder."""
