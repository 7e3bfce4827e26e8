"""What MindReader does, one module for each use case; web, workers and command line all call these."""
