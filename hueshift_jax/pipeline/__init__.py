"""From decoded frames to encoded ones: stages that take an iterator of frames and give one.

A frame passes reader, shots, colorize, stabilize, controls, compose and recorder, in this order.
Each stage states its lookahead. What the network said of each frame is kept in the journal beside
the result, so that a job can be continued, and its colors changed, without asking it again. No
stage knows a network; they meet `contracts.Colorizer` only.
"""
