"""Plans on a twin: what a cut takes and leaves, how far it stays from a tumour, how a needle gets there."""
