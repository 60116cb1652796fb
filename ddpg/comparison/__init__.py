"""What the finished evaluations say: statistics, tables, figures and the page that shows them.

Every table and figure is a function of the long table of metrics (one row per image, experiment
and metric); the grids read the tensors too. The modules import pandas and matplotlib, so this
package imports none of them by itself.
"""
