"""`python -m llo11ypop` is the same as `llo11ypop`."""

from llo11ypop.cli import main

main()
