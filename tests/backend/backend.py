"""A lender's own systems, as small as they can be: every port of ocen-lender behind one HTTP server.

Written from README "Connecting your systems" and openapi/ports.json, with Python's standard library only. It decides
everything at once and in the borrower's favour, except that identity verification and payouts take a moment: they are
answered with `pending`, and the outcome follows by a signed callback, or on the next poll when no callback is possible.

    python3 backend.py --listen 127.0.0.1:9000 --secret whsec_...

It is an example and a test double. It keeps everything in memory and shows OTPs to anybody who asks for them at
GET /phone/{sessionKey}: the borrower's phone, so to speak.
"""

import argparse
import base64
import hashlib
import hmac
import json
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 1024 * 1024
SCHEMA = """
create table answered (idempotency_key text primary key, status integer not null, body blob not null);
create table money (bank_key text primary key, state text not null, utr text, value_date text);
create table slow (key text primary key, ready_at real not null);
create table otp (session_key text primary key, digits text not null);
create table entry (
    journal_key text not null, line integer not null, loan_id text not null, account text not null,
    book_account text not null, paise integer not null, booked_on text not null, primary key (journal_key, line));
"""


# ---- outcomes -------------------------------------------------------------------------------------------------------

def done(finding, **members):
    return {"outcome": "done", "finding": {"finding": finding, **members}}


def pending(reference, seconds):
    poll_after = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return {"outcome": "pending", "reference": reference, "pollAfter": poll_after.isoformat()}


def refused(code, detail):
    return {"outcome": "refused", "code": code, "detail": detail}


def never_received():
    return refused("NEVER_RECEIVED", "no order arrived under this key, and none will be taken")


# ---- signatures (Standard Webhooks, symmetric) ----------------------------------------------------------------------

class Signer:
    """Knows one secret, or two while one replaces the other; signs with each and accepts either."""

    def __init__(self, secrets):
        self.keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]

    def signatures(self, message_id, timestamp, body):
        content = f"{message_id}.{timestamp}.".encode() + body
        digests = (hmac.new(key, content, hashlib.sha256).digest() for key in self.keys)
        return ["v1," + base64.b64encode(digest).decode() for digest in digests]

    def verifies(self, headers, body):
        message_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
        if not message_id or not (timestamp or "").isdigit():
            return False
        if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
            return False
        expected = self.signatures(message_id, timestamp, body)
        given = (headers.get("webhook-signature") or "").split()
        return any(hmac.compare_digest(one, other) for one in given for other in expected)

    def headers(self, message_id, body):
        timestamp = str(int(time.time()))
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(self.signatures(message_id, timestamp, body)),
        }


# ---- the systems ----------------------------------------------------------------------------------------------------

class Systems:
    """One method for each method of the protocol, named port_method; each takes the body and gives an outcome."""

    def __init__(self, signer, delay, refer_above):
        self.signer = signer
        self.delay = delay
        self.refer_above = refer_above
        self.lock = threading.Lock()
        self.db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.db.executescript(SCHEMA)

    def find(self, port, method):
        name = f"{port}_{method}".replace("-", "_")
        return getattr(self, name, None) if port in PORTS else None

    def one(self, sql, *values):
        return self.db.execute(sql, values).fetchone()

    # decision: the server prices what is approved, checks limits and makes the key facts statement.

    def decision_eligibility(self, question):
        if Decimal(question["subjects"][0]["requestedAmount"]) > 1_000_000:
            reason = {"reason": "OTHERS", "description": "We lend up to ten lakh rupees."}
            return done("decline", reasons=[reason])
        return done("pass")

    def decision_offers(self, question):
        amount = question["subjects"][0]["requestedAmount"]
        if Decimal(amount) > self.refer_above:
            return done("refer", reasons=[{"code": "LARGE", "description": "Large loans are looked at by two people."}])
        return done("approve", offers=[{"amount": amount}])

    def decision_final_check(self, question):
        return done("pass")

    # data: the account aggregator.

    def data_consent_create(self, question):
        return done("consentCreated", handle="CH-" + question["key"])

    def data_consent_status(self, question):
        return done("consentReady", consentId="C-" + question["ask"]["handle"])

    def data_consent_revoke(self, question):
        return done("acknowledged")

    def data_fetch(self, question):
        return done("acknowledged")

    # kyc: takes a moment; `status` is the poll.

    def kyc_start(self, question):
        return self.later(question, done("kycDone", reference="KYC-" + question["key"]))

    def kyc_status(self, question):
        return self.when_ready(question, done("kycDone", reference="KYC-" + question["key"]))

    # agreement: text returned here is shown on the server's page, and the OTP is bound to its hash.

    def agreement_prepare(self, question):
        return done("prepared", agreements=[self.agreement(subject) for subject in question["subjects"]])

    def agreement(self, subject):
        statement, offer = subject["keyFactsStatement"], subject["offer"]
        text = (
            f"LOAN AGREEMENT\n\n{subject['borrower']['name']} borrows Rs. {offer['sanctionedAmount']} under application "
            f"{subject['loanApplicationId']} on the terms of key facts statement {statement['proposalNumber']} "
            f"(SHA-256 {statement['hash']}).\n"
        )
        return {"hash": hashlib.sha256(text.encode()).hexdigest(), "url": statement["agreementUrl"], "text": text}

    def agreement_send_otp(self, question):
        self.db.execute(
            "insert or replace into otp values (?, ?)", (question["ask"]["sessionKey"], question["ask"]["otp"])
        )
        return done("acknowledged")

    # disbursement: a bank key pays at most once, and one that was called unknown once is dead.

    def disbursement_verify_account(self, question):
        holder = question["ask"]["account"]["holder"]
        borrower = question["subjects"][0]["borrower"]["name"]
        if holder and borrower and holder.replace(" ", "").lower() != borrower.replace(" ", "").lower():
            return refused("NAME_MISMATCH", "the account is held by somebody else")
        return done("accountVerified", reference="LOOKUP-" + question["key"])

    def disbursement_pay(self, question):
        state, _, _ = self.order(question)
        if state == "DEAD":
            return never_received()
        return self.later(question, self.paid(question))

    def disbursement_status(self, question):
        state, _, _ = self.order(question, tombstone=True)
        if state == "DEAD":
            return never_received()
        return self.when_ready(question, self.paid(question))

    def order(self, question, tombstone=False):
        """The row of a bank key; made by the first call about it, and never changed afterwards."""
        key = question["ask"]["bankKey"]
        row = (key, "DEAD", None, None) if tombstone else (key, "TAKEN", "UTR" + sha(key), question["businessDate"])
        self.db.execute("insert or ignore into money values (?, ?, ?, ?)", row)
        return self.one("select state, utr, value_date from money where bank_key = ?", key)

    def paid(self, question):
        _, utr, value_date = self.order(question)
        return done("paid", utr=utr, valueDate=value_date)

    # collections: mandates are authorised and pages are paid at once.

    def collections_register_mandate(self, question):
        reference = "MANDATE-" + question["key"]
        return done("mandateRegistered", reference=reference, paymentUrl="https://pay.example.in/" + reference)

    def collections_notify(self, question):
        return done("acknowledged")

    def collections_payment_link(self, question):
        self.order(question)
        reference = "LINK-" + question["key"]
        return done("linkCreated", reference=reference, url="https://pay.example.in/" + reference)

    def collections_present(self, question):
        return self.collected(question)

    def collections_status(self, question):
        if "bankKey" not in question["ask"]:
            return done("mandateActive")
        return self.collected(question, tombstone="linkReference" not in question["ask"])

    def collections_cancel(self, question):
        return done("acknowledged")

    def collected(self, question, tombstone=False):
        state, utr, value_date = self.order(question, tombstone)
        if state == "DEAD":
            return never_received()
        return done("collected", utr=utr, valueDate=value_date, amount=question["ask"]["amount"])

    # notifier

    def notifier_send(self, question):
        return done("notified", messageId="MSG-" + sha(question["ask"]["noticeKey"]))

    # ledger: posts each journal once by its key, and tells its balances as of a day.

    def ledger_journal(self, question):
        for journal in question["ask"]["journals"]:
            for line, entry in enumerate(journal["entries"]):
                paise = to_paise(entry["amount"]) * (1 if entry["side"] == "DEBIT" else -1)
                self.db.execute(
                    "insert or ignore into entry values (?, ?, ?, ?, ?, ?, ?)",
                    (journal["key"], line, journal["loanId"], entry["account"], entry["bookAccount"], paise,
                     journal["bookingDate"]))
        return done("journalsTaken")

    def ledger_compare(self, question):
        ask = question["ask"]
        accounts = [
            {"account": asked["account"], "balance": to_rupees(self.one(
                "select coalesce(sum(paise), 0) from entry where account = ? and booked_on <= ?",
                asked["account"], ask["asOf"])[0])}
            for asked in ask["accounts"]]
        loans = []
        for asked in ask["loans"]:
            principal, outstanding, journals = self.one(
                "select coalesce(sum(case when book_account = 'PRINCIPAL_RECEIVABLE' then paise end), 0),"
                " coalesce(sum(case when book_account in ('PRINCIPAL_RECEIVABLE', 'INTEREST_RECEIVABLE',"
                " 'FEE_RECEIVABLE', 'PENAL_RECEIVABLE', 'BORROWER_EXCESS') then paise end), 0),"
                " count(distinct journal_key) from entry where loan_id = ? and booked_on <= ?",
                asked["loanId"], ask["asOf"])
            loans.append({
                "loanId": asked["loanId"], "principal": to_rupees(principal),
                "outstanding": to_rupees(outstanding), "journals": journals})
        return done("balances", accounts=accounts, loans=loans)

    # What takes a moment.

    def later(self, question, outcome):
        """Pending now; the outcome goes to the callback address when it is ready."""
        if not self.delay:
            return outcome
        known = self.one("select ready_at from slow where key = ?", question["key"])
        self.db.execute("insert or ignore into slow values (?, ?)", (question["key"], time.time() + self.delay))
        address = question["context"].get("callbackUrl")
        if address and not known:
            threading.Thread(target=self.call_back, args=(address, question["key"], outcome), daemon=True).start()
        return pending("REF-" + question["key"], 30 if address else self.delay)

    def when_ready(self, question, outcome):
        row = self.one("select ready_at from slow where key = ?", question["key"])
        left = (row[0] if row else 0) - time.time()
        return pending("REF-" + question["key"], left) if left > 0 else outcome

    def call_back(self, address, key, outcome):
        body, pause = json.dumps(outcome).encode(), 0.5
        time.sleep(self.delay)
        for _ in range(8):
            request = urllib.request.Request(address, body, self.signer.headers("later-" + key, body), method="POST")
            try:
                urllib.request.urlopen(request, timeout=10).close()
                return
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code not in (408, 429):
                    print(f"callback for {key} refused: {error.code}", file=sys.stderr)
                    return
            except OSError:
                pass
            time.sleep(pause)
            pause *= 2


PORTS = ("decision", "data", "kyc", "agreement", "disbursement", "collections", "notifier", "ledger")


def to_paise(rupees):
    whole, _, part = rupees.partition(".")
    return int(whole) * 100 + int(part)


def to_rupees(paise):
    return f"{'-' if paise < 0 else ''}{abs(paise) // 100}.{abs(paise) % 100:02d}"


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16].upper()


# ---- HTTP -----------------------------------------------------------------------------------------------------------

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    systems = None

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            return self.answer(413, problem(413, "too large"))
        body = self.rfile.read(length)
        if not self.systems.signer.verifies(self.headers, body):
            return self.answer(401, problem(401, "the signature does not fit, or is not of these five minutes"))
        *_, port, method = ["", *self.path.strip("/").split("/")]
        handler = self.systems.find(port, method)
        if handler is None:
            return self.answer(404, problem(404, "there is no such method"))
        try:
            question = json.loads(body)
        except ValueError:
            return self.answer(400, problem(400, "the body is no JSON"))
        status, answer = self.once(self.headers.get("idempotency-key") or "", handler, question)
        return self.answer(status, answer)

    def once(self, key, handler, question):
        """The same Idempotency-Key gets the same answer, and nothing is done twice."""
        with self.systems.lock:
            known = self.systems.one("select status, body from answered where idempotency_key = ?", key)
            if known:
                return known
            try:
                outcome = handler(question)
            except (KeyError, IndexError, TypeError, ValueError, ArithmeticError) as error:
                return 400, problem(400, f"the question lacks something: {type(error).__name__} {error}")
            status = 202 if outcome["outcome"] == "pending" else 200
            body = json.dumps(outcome).encode()
            self.systems.db.execute("insert into answered values (?, ?, ?)", (key, status, body))
            return status, body

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts == ["health"]:
            return self.answer(200, b'{"status": "UP"}')
        if len(parts) == 2 and parts[0] == "phone":
            with self.systems.lock:
                row = self.systems.one("select digits from otp where session_key = ?", parts[1])
            if row:
                return self.answer(200, json.dumps({"otp": row[0]}).encode())
        return self.answer(404, problem(404, "there is nothing here"))

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *values):
        """Paths of the phone hold session keys: nothing is logged."""


def problem(status, detail):
    return json.dumps({"type": "about:blank", "status": status, "detail": detail}).encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", default="127.0.0.1:9000", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--secret", action="append", required=True, metavar="whsec_...", help="twice while rotating")
    parser.add_argument("--delay", type=float, default=0.3, metavar="SECONDS", help="how long slow systems take")
    parser.add_argument(
        "--refer-above", type=Decimal, default=Decimal(500_000), metavar="RUPEES", help="what two people look at"
    )
    args = parser.parse_args()
    host, port = args.listen.rsplit(":", 1)
    Handler.systems = Systems(Signer(args.secret), args.delay, args.refer_above)
    server = ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    print(f"listening on http://{host}:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
