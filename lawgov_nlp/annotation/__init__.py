"""What people say of reports: their labels, the markup that holds them, the formats of other tools."""
