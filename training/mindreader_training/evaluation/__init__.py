"""How good a bundle is: metrics, KID, reports, plots, golden results."""
