"""The gradients of the programs above, written by hand: what srcad's should read like."""
