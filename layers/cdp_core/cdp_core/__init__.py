"""What the three functions of the customer data platform share."""
