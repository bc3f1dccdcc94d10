"""What people see: pure functions from results to lines, and the two ways to show them as they come."""
