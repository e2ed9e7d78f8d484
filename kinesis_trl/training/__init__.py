"""Learning: collection, PPO, curriculum, and the record of what happened."""
