"""Which deployment answers a call: a pure plan, strategies in a table, one walk, and the state that workers share.

To be read in this order:

    a call      router (what it is made of), catalogue (names into groups), plan (fallbacks), walk (tries), selection (one
                try's deployment: candidates, tags, estimate, strategies), retry, deadline, clocks, settlement (its end);
                profile and context are what these are given
    the state   state/: values, memory (the rules of one step, and the store of one process) on rows: limits, budget, health,
                latency; host and redis keep the rows elsewhere, build chooses
    around it   batch (several models), continuation and splice (a broken stream), explain, scenario and simulate
"""
