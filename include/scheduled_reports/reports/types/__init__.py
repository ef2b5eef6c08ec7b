"""Report types: the catalog, its YAML loader, and the types that ship with the product."""
