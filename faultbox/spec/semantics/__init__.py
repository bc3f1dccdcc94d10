"""What Starlark's values, operators, methods and universal functions do, exactly as in starlark-go.

Compiled specs call these functions for everything; nothing falls through to Python's own behaviour.
"""
