"""The command line of the published repository, understood and run by the jobs of a study."""
