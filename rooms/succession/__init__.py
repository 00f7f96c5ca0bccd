"""What follows a unit or a site that ends: mergers, splits and what each hands over, from halls to meetings still to come."""
