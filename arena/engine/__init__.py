"""The replay engine: intents, execution models, fills, ledger, settlement."""
