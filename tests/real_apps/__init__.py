"""Real applications on fettle, each driven by its real client: see README.md."""
