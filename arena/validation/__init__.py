"""How sure can we be: statistics that say whether a backtest's edge is skill, luck or selection.

Pure functions on arrays. The unit of observation is one **slot** of a common time grid (all bets of a
slot summed, 0 where a configuration did not bet), in return per unit of stake. Sharpe ratios are per
slot. Input on which a statistic is undefined raises :class:`arena.errors.ValidationError`; no function
returns NaN. Import the module you need:

``sharpe``     Sharpe ratio, its standard errors, cumulants, aggregation over time
``sharpe_inference`` probabilistic Sharpe ratio, minimum track record, normal intervals (variance at the estimate)
``sharpe_null`` the same questions with the variance at the null (2025), power, critical Sharpe ratio
``sharpe_exact`` exact inference for normal returns
``deflation``  maximum of N trials, deflated Sharpe ratio, minimum backtest length
``serial``     autocorrelations, Newey-West long-run variance and bandwidths
``skill``      false discovery rates and Bayesian beliefs about an edge
``bets``       exact tests of wins against break-even prices, win-rate interval, Kelly
``planning``   bets needed, exact power, the plan of an experiment
``stakes``     profit of unequal stakes and bets that share a slot, by simulation
``monitor``    the bankroll as an anytime-valid test of a live strategy
``cscv``       probability of backtest overfitting and its null band
``dominance``  is the in-sample winner better than a random pick
``spa``        which configurations beat the benchmark: reality check, SPA, StepM
``bootstrap``  stationary bootstrap, block length, long-run deviation, intervals
``effective``  effective number of correlated trials, clusters of trials
``multiple``   p-value adjustment for several tests
``haircut``    what the adjustment leaves of a Sharpe ratio, profit hurdles
``forecast``   Brier and log scores, Murphy's decomposition, gain over the market price
``corp``       CORP decomposition and curve, miscalibration of model against market
``calibration`` reliability curve, calibration error, logistic recalibration, Spiegelhalter's test
``splits``     walk-forward and combinatorial folds with purge, gap and embargo in event time
``splitters``  the same behind scikit-learn's splitter interface
``leak``       does a splitter let answers into the training set
``concurrency`` overlapping labels: uniqueness, sequential bootstrap
``dependence`` bets that are not independent: design effect, runs test, HAC ratio, effective bets
"""
