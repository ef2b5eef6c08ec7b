"""E-mail from plan to ledger: compose a report's mail, claim it, send it, record the outcome."""
