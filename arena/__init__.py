"""Arena's pure core: market schema, venue rules, pricing, strategies, replay engine, ledger, validation.

Nothing here touches a network, reads a clock or keeps global state. Import the module you need;
this package imports nothing by itself so that ``--help`` stays instant.
"""
