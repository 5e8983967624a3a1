"""Counters of limits and budgets by subject `(kind, id)`: reserve before a call, settle with the truth after it.

values (what is counted, a reservation, a refusal), rules (pure steps on one row), store (the contract and one process's
store), rows and holds (a host's file), host (its store), redis (several hosts), build (the choice).
"""
