"""What every route shares: problems, authorization, limits, forms, paging."""
