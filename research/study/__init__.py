"""The simulation study: does the verdict keep its error rates, from market to verdict, with nothing left out?

Each simulated researcher gets a market of his own from the lab, searches a grid there, walks it forward and asks for a
verdict. It is the pipeline that ``arena-backtest run`` uses; only the disk is left out. Three kinds of market:

* ``efficient``: prices are right, so every bet loses its cost. Nothing may be promoted.
* ``fair``: the same markets, every outcome drawn again so that each contract is worth exactly what it costs, fee
  included. It is the hardest null: nothing loses, and selection alone decides what looks good.
* ``lagged``: the maker is late, so there is an edge. How often is it found, and does the planner predict that?

``settings``     what a study is, and the experiments that follow from it
``market``       one researcher's market: generated, prepared and swept in memory
``researchers``  what the researchers of one market find
``attempts``     a researcher who tries again and again on the same data, with and without the ledger
``fair``         outcomes under which every contract is worth its cost
``seed_method``  what the seed's promotion rule and validation script would have done
``records``      what is kept of each market: one line of a file that an interrupted study resumes from
``pool``         many markets on many cores
``rates``        error rates with exact intervals
``power``        observed power against the planner's prediction
``figures``, ``report``, ``screen``  what the reader sees
"""
