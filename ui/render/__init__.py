"""Off-screen VTK scenes without Qt, used by command line, reports and desktop alike."""
