"""Faults in great number: what happens to the rows when processes, engines and disks fail."""
