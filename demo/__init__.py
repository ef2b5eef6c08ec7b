"""The demo and the local servers it and the tests run on; no part of the product."""
