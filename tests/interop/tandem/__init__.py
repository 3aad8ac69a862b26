"""What the interop scenarios share: the daemon, SIPp, baresip, and measuring audio."""
