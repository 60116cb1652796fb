"""What the machine gives a job: devices, termination, a line of progress."""
