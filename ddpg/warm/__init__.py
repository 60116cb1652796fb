"""Jobs without the start of Python and PyTorch, on one machine under one Snakemake.

Importing PyTorch and the metrics takes seconds of a core, and a study has two jobs for each
experiment and shard. So a process that has imported everything (:mod:`ddpg.warm.server`) waits
beside Snakemake; the ``ddpg`` command of a job (:mod:`ddpg.warm.client`) hands it its arguments,
environment, folder and standard streams, and a copy made by ``fork`` does the work. Every job is
still a process of its own: nothing that one leaves behind can reach another, and jobs, their
inputs and their re-runs are the same as without.

It is used where it is known to be safe and does nothing else but save time: on Linux, without a
GPU (CUDA does not survive a fork), for jobs on this machine that run in Snakemake's own
environment. Wherever the server cannot be reached, has died, or holds other code than lies on the
disk, a command works by itself as if there were none; of other code the server says so, once.
``DDPG_WARM_START=0`` switches it off.
"""
