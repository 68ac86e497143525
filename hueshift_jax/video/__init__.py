"""Film in and out: the only room that decodes, encodes and muxes.

Timestamps are integers in a stream's time base and are never rebuilt from a frame rate. The
decoded Y' plane is handed over exactly as coded; conversions between planes and RGB are done here
in numpy with explicit matrix, range and siting, because those of the scaler library change from
version to version. Everything foreign that goes wrong leaves this room as a `MediaError`.
"""
