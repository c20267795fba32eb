"""What the user sees: reports take results and print or write them."""
