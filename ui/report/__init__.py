"""Reports as files: the pictures drawn, the blocks set as HTML or PDF."""
