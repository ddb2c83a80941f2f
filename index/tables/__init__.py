"""Tables that spreadsheets and other programs write, read as text and rows."""
