"""The REST resources, one module each. `http_api` has the table of routes and everything that holds for all of them."""
