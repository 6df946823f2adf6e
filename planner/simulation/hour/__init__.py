"""Inside the hour after: who follows which answer, what runs, what exceeds it, what comes again."""
