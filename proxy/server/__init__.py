"""What surrounds the process: start checks, drain, network exposure, the metrics directory."""
