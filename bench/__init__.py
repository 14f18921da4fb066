"""Measurements: ``make bench``. Figures come as absolute values and as ratios to a calibration of the same run."""
