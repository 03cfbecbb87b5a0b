"""The paper's studies: what to run, where it runs, what comes out, and how claims are judged."""
