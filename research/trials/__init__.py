"""The trial ledger: what was ever tried, so that luck can be told from skill.

The best of a thousand worthless configurations looks good. What it is worth can only be said by who knows
that there were a thousand, and nobody remembers that many. So Arena writes every look down, in a file that
can only grow, *before* the look happens:

* A **look** evaluates configurations on data. It is committed to disk when it begins and closed with its
  outcomes when it ends. A run that is interrupted, crashes or is killed has been looked at as well: its
  configurations count, they just have no outcome.
* A **trial** is one configuration (levers to 12 significant digits) on one span of one market's data under
  one execution and cost model. Doing the very same thing again is not another trial. One trial counts
  under the look and the idea that were first.
* A **world** is the recorded market or one generated market. What was tried in one says nothing about another.
* A **note** is any other event in a strategy's life, e.g. that an idea was registered or a hold-out opened.

``ledger``   the file: begin, finish, fail, note, and what can be read back
``sketch``   a configuration's returns in 256 numbers, from which correlations of any two trials are estimated
``family``   what deflation reads: number of trials, variance, and how many independent ones came before
``view``     what ``arena-backtest trials`` shows

The file is ``trials.db`` beside the tracking store, or what ``ARENA_TRIALS`` names. It is SQLite: copy it like
any database (``sqlite3 trials.db ".backup copy.db"``), about 1.2 kB per trial. Triggers in the file refuse every
update and delete, and each entry holds the SHA-256 of its content chained to the entry before, so an edit
behind the triggers' back is found and named by ``arena-backtest trials``. Entries cut off at the end leave a
shorter but sound chain: they are found by a digest that was kept elsewhere, e.g. in a run's record.

>>> import tempfile
>>> from pathlib import Path
>>> from research.trials.ledger import TrialLedger
>>> from research.trials.records import Look, Outcomes
>>> ledger = TrialLedger(Path(tempfile.mkdtemp()) / "trials.db")
>>> open_ns = [0, 300_000_000_000, 600_000_000_000]
>>> look = Look(
...     strategy="BTC_5M", idea="fade the open", kind="sweep", evaluation="e1", world="recorded",
...     market="polymarket/BTC/300s", data="ab12", first_ns=0, last_ns=900_000_000_000,
...     execution="latency 50 ms", costs="venue",
... )
>>> number = ledger.begin(look, [{"min_edge": 0.02}, {"min_edge": 0.04}])
>>> len(ledger.trials("BTC_5M", "recorded"))
2
>>> ledger.finish(number, Outcomes.of([[0.9, 0.0], [-1.0, 0.0], [0.8, 0.8]], [3, 1], open_ns))
>>> ledger.trials("BTC_5M", "recorded").bets.tolist()
[3, 1]
>>> ledger.verify().broken
0
"""
