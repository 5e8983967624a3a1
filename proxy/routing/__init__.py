"""Which deployment answers a call: a pure plan, strategies in a table, one walk, and the state that workers share.

To be read in this order:

    a call      router (what it is made of), catalogue (names into groups), plan (fallbacks), walk (tries), selection (one
                try's deployment: candidates, tags, estimate, strategies), retry, deadline, clocks, settlement (its end);
                profile and equipment are what these are handed
    the state   standing (its values), state (the rules of one step, and the store of one process), upon rows: limits, budget,
                health, latency, kinds; host_state and redis_state keep the rows elsewhere, stores chooses
    around it   batch (several models), continuation and splice (a broken stream), explain, scenario and simulate
"""
