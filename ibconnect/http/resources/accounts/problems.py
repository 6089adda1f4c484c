"""What can go wrong with a request for a report, beside what can with any."""

from ibconnect.http.server.problems import ProblemType

UNKNOWN_SNAPSHOT = ProblemType("unknown-snapshot", 404, "There is no such snapshot", may_be_swap=True)
