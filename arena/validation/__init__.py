"""How sure can we be: statistics that say whether a backtest's edge is skill, luck or selection.

Pure functions on arrays. The unit of observation is one **slot** of a common time grid (all bets of a
slot summed, 0 where a configuration did not bet), in return per unit of stake. Sharpe ratios are per
slot. Input on which a statistic is undefined raises :class:`arena.errors.ValidationError`; no function
returns NaN. Import the module you need:

``sharpe``     Sharpe ratio, its standard errors, PSR, DSR, track-record and backtest lengths
``bets``       exact tests of wins against break-even prices, sample sizes, Kelly
``cscv``       probability of backtest overfitting and its null band
``spa``        which configurations beat the benchmark: reality check, SPA, StepM
``bootstrap``  stationary bootstrap, block length, long-run deviation, intervals
``effective``  effective number of correlated trials, clusters of trials
``forecast``   Brier and log scores, their decompositions, gain over the market price
``calibration`` reliability curve, logistic recalibration, Spiegelhalter's test
``multiple``   p-value adjustment for several tests
``haircut``    what the adjustment leaves of a Sharpe ratio, profit hurdles
``splits``     walk-forward folds with purge and embargo in event time
"""
