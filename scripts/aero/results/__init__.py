"""What AERO's runs and sweeps have left behind, and the papers' tables, for tables and figures."""
