"""Stylised facts: pure functions of arrays and catalog tables, the same for recorded and generated markets."""
