"""The pages people look at and the HTTP API behind them."""
