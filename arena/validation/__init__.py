"""How sure can we be: statistics that say whether a backtest's edge is skill, luck or selection.

Pure functions on arrays. The unit of observation is one **slot** of a common time grid (all bets of a
slot summed, 0 where a configuration did not bet), in return per unit of stake. Sharpe ratios are per
slot. Input on which a statistic is undefined raises :class:`arena.errors.ValidationError`; no function
returns NaN. Import the module you need:

``sharpe``     Sharpe ratio, its standard errors, PSR, DSR, track-record and backtest lengths
``bets``       exact tests of wins against break-even prices, sample sizes, Kelly
``cscv``       probability of backtest overfitting and its null band
``dominance``  is the in-sample winner better than a random pick
``bootstrap``  stationary bootstrap, block length, percentile intervals
``forecast``   Brier and log scores, Murphy's decomposition, gain over the market price
``corp``       CORP decomposition and curve, miscalibration of model against market
``calibration`` reliability curve, calibration error, logistic recalibration, Spiegelhalter's test
``multiple``   p-value adjustment for several tests
``splits``     walk-forward and combinatorial folds with purge, gap and embargo in event time
``splitters``  the same behind scikit-learn's splitter interface
``leak``       does a splitter let answers into the training set
``concurrency`` overlapping labels: uniqueness, sequential bootstrap
``dependence`` bets that are not independent: design effect, runs test, HAC ratio, effective bets
"""
