"""An account's equity curve: ``[TOKEN=...] python examples/equity_curve.py DU1000001 [URL]`` (httpx and pandas)."""

import json
import os
import sys
from decimal import Decimal

import httpx
import pandas

account, url = (*sys.argv[1:], "http://localhost:3000")[:2]
headers = {"Authorization": f"Bearer {token}"} if (token := os.environ.get("TOKEN")) else {}
query = {"tag": "NetLiquidation", "from": "-3650d", "step": "1d"}
history = httpx.get(f"{url}/v1/accounts/{account}/history", params=query, headers=headers).raise_for_status()
points = json.loads(history.text, parse_float=Decimal, parse_int=Decimal)["Points"]
curve = pandas.DataFrame(points).set_index("Timestamp")["NetLiquidation"].dropna()
print(curve.to_string())
