"""Terms by name: what a policy observes, what it earns, and when an episode ends. A new one is a function here."""
