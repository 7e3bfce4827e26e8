"""What picture files say of themselves besides their pixels."""
