"""Market data: table schemas, quality rules, the Parquet catalog, and the tape a kernel reads."""
