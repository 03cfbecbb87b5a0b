"""Any question: studies as data, where their runs are executed, and how they are judged."""
