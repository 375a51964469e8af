"""The words of the domain. No I/O, no framework; everything else is built from these."""
