"""How metrics are kept and written: families that are asked when they are scraped, and Prometheus' text of them."""
