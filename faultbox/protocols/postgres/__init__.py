"""PostgreSQL: protocol 3, simple and extended."""
