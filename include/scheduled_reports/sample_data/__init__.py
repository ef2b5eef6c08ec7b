"""Sample workspaces in the shape of the application, for the demo and the tests."""
