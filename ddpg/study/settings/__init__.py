"""What a sheet says of hyper-parameters beside their values: sweeps, and the record of a tuning."""
