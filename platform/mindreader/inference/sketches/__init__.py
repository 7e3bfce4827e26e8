"""What E1 and G are shown of a sketch, and what they make of it: looks, parts, places, readings."""
