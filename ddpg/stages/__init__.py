"""The stages of the workflow, one module each, in the order of the data.

resources -> observations -> restoration -> evaluation -> comparison; each has a file of rules and
a folder of results of the same name.
"""
