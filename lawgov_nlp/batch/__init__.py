"""Tag folders of reports in parts that survive a crash, on one machine or on a cluster."""
