"""Annotations made by people: their labels, the markup that stores them, and the formats of other annotation tools."""
