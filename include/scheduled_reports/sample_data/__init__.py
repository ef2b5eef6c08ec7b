"""Sample workspaces with the application's tables, for the demo and the tests."""
