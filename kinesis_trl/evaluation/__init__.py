"""Policy rollouts, metrics, tables, pictures and videos."""
