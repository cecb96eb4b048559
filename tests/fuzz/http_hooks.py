"""Hooks of Schemathesis: most messages say they come from the sandbox's LSP that need not sign, so that they are read
further than their envelope; what was accepted is counted, so that nothing else may have been stored."""

import json
import os
import uuid
from datetime import datetime, timezone

import schemathesis

ACCEPTED = os.environ["OCEN_FUZZ_ACCEPTED"]
seen = set()
calls = 0


@schemathesis.hook
def before_call(context, case, kwargs):
    global calls
    calls += 1
    body = case.body
    # One in eight goes as it is.
    if not isinstance(body, dict) or "signature" in body or calls % 8 == 0:
        return
    body = dict(body)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    body["metadata"] = {"version": "1.0", "orgId": "LSP-DEMO", "timestamp": now, "traceId": str(uuid.uuid4())}
    # Some ids stay what they are: those that are no text have to be refused.
    if calls % 4 != 0 or "requestId" not in body:
        body["requestId"] = str(uuid.uuid4())
    case.body = body


@schemathesis.hook
def after_call(context, case, response):
    if case.method.upper() != "POST" or response.status_code != 200:
        return
    try:
        ack = json.loads(response.content)
        ack = ack.get("ack", ack)
        request_id = case.body.get("requestId")
    except (AttributeError, ValueError):
        return
    if ack.get("error") == "0":
        key = f"{case.path.lower()} {str(request_id).strip()}"
        if key not in seen:
            seen.add(key)
            with open(ACCEPTED, "a", encoding="utf-8") as file:
                file.write(key.replace("\n", " ") + "\n")
