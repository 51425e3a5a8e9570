"""Who is credited for what was sold: touch codes, their scans and the reports."""
