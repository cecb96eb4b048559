#!/usr/bin/env bash
# A loan from application to closure with curl alone, each message signed as LSP-DEMO by the sandbox:
# `tests/curl/journey.sh`, with OCEN and ADMIN for a server elsewhere. Stops at the first thing that goes wrong.
set -euo pipefail

OCEN=${OCEN:-http://127.0.0.1:8080} ADMIN=${ADMIN:-http://127.0.0.1:8081} RUN=$(date +%s)-$$
# A scenario's code may stand in either.
PAN=${PAN:-AAAPL1234C} ACCOUNT=${ACCOUNT:-50100012345678}
JSON='content-type: application/json'

# pick MEMBER: the first value of a member in the last callback.
pick() { printf '%s' "$got" | grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
# answer REQUEST-ID [WORD]: waits for a callback, with a word in it, in the sandbox's inbox: your endpoint's stand-in.
answer() {
    for _ in $(seq 150); do
        got=$(curl -sS "$ADMIN/sandbox/inbox/LSP-DEMO?requestId=$1")
        case $got in
        *'"error":"'[!0]*) echo "refused: $got" >&2; exit 1 ;;
        *"${2:-\"path\"}"*) echo "<-- $(pick path)  verified: $(printf '%s' "$got" | grep -o '"verified":[a-z]*' | cut -d : -f 2)"; return ;;
        esac
        sleep 0.1
    done
    echo "no callback for $1: $got" >&2
    exit 1
}
# lsp PATH REQUEST-ID MEMBERS: signs a message, posts it, shows the ack, waits for the callback.
lsp() {
    members=${3:+, $3}
    message='{"metadata": {"version": "1.0", "orgId": "LSP-DEMO", "timestamp": "'$(date -u +%FT%TZ)'", "traceId": "T-'$2'"},
        "requestId": "'$2'"'$members'}'
    # An own LSP signs with its own key: see tests/clients/.
    signed=$(curl -sSf "$ADMIN/sandbox/sign" -H "$JSON" -d '{"orgId": "LSP-DEMO", "body": '"$message"'}')
    # The ack is signed, too.
    ack=$(curl -sS "$OCEN/v3/$1" -H "$JSON" -d "$signed")
    payload=$(printf '%s' "$ack" | grep -o '"payload":"[^"]*"' | cut -d '"' -f 4 | tr '_-' '/+')
    while [ $((${#payload} % 4)) -ne 0 ]; do payload=$payload=; done
    told=$(printf '%s' "$payload" | base64 -d)
    echo "--> $1  ack $told"
    case $told in *'"error":"0"'*) ;; *) echo "refused: $ack" >&2; exit 1 ;; esac
    answer "$2" "${4:-}"
}
clock() { echo "... clock $1"; curl -sSf -o /dev/null "$ADMIN/sandbox/clock" -H "$JSON" -d "$1"; }

# 1. Is anybody there? An application.
curl -sSf -o /dev/null "$OCEN/health/ready"
lsp loanApplication/createLoanApplicationsRequest "create-$RUN" '"loanApplications": [{
    "createdDate": "2026-01-05T09:59:00Z", "loanApplicationId": "APP-'"$RUN"'", "type": "PERSONAL",
    "borrower": {"primaryId": "'"$PAN"'", "primaryIdType": "PAN", "name": "Asha Rao", "category": "INDIVIDUAL",
                 "contactDetails": [{"type": "PRIMARY", "phone": "9000000001"}]},
    "collaterals": [], "guarantors": [], "applicants": [],
    "terms": {"requestedAmount": "50000.00", "currency": "INR"}}]'

# 2. Data consent.
lsp consent/consentHandleRequest "consent-$RUN" '"loanApplicationIds": ["APP-'"$RUN"'"],
    "consent": {"consentFetchType": "ONETIME", "vua": "asha@aa.in"}'
lsp consent/consentStatusRequest "ready-$RUN" '"consent": {"consentHandle": "'"$(pick consentHandle)"'"}'

# 3. Offers, and the choice of one.
lsp offer/generateOffersRequest "offers-$RUN" '"loanApplicationIds": ["APP-'"$RUN"'"]' OFFERED
OFFER=$(printf '%s' "$got" | grep -o 'OF-[0-9a-z-]*' | head -n 1)
REPAYMENT_PLAN=$(printf '%s' "$got" | grep -o 'RP-[0-9a-z-]*' | head -n 1)
lsp offer/setOfferRequest "choose-$RUN" '"loanApplicationId": "APP-'"$RUN"'", "offer": {"id": "'"$OFFER"'"}'

# 4. The agreement, with the OTP that the borrower would read on the phone.
lsp loan/triggerLoanAcceptanceRequest "otp-$RUN" '"loanApplicationIds": ["APP-'"$RUN"'"],
    "credBlock": {"type": "OTP", "data": {}}'
SESSION=$(pick otpSessionKey)
OTP=$(curl -sSf "$ADMIN/sandbox/otp/$SESSION" | grep -o '[0-9]\{6\}')
lsp loan/verifyLoanAcceptanceRequest "verify-$RUN" '"credBlock": {"type": "OTP",
    "data": {"otpSessionKey": "'"$SESSION"'", "otp": "'"$OTP"'"}}'

# 5. Where the money goes, how it comes back, and consent to watch the account meanwhile.
lsp disbursement/setDisbursementAccountRequest "account-$RUN" '"loanApplicationId": "APP-'"$RUN"'",
    "account": {"accountDataType": "ACCOUNT", "data": {"accountType": "SAVING", "accountIFSC": "HDFC0000123",
                "accountNumber": "'"$ACCOUNT"'", "accountHolderName": "Asha Rao"}}'
lsp repayment/setRepaymentPlanRequest "plan-$RUN" '"loanApplicationId": "APP-'"$RUN"'", "plan": {"id": "'"$REPAYMENT_PLAN"'"}'
lsp consent/consentHandleRequest "monitor-$RUN" '"loanApplicationIds": ["APP-'"$RUN"'"],
    "consent": {"consentFetchType": "PERIODIC", "vua": "asha@aa.in"}'
lsp consent/consentStatusRequest "monitored-$RUN" '"consent": {"consentHandle": "'"$(pick consentHandle)"'"}'

# 6. The grant, and money in the account: the bank's word comes unasked.
lsp loan/grantLoanRequest "grant-$RUN" '"loanApplicationId": "APP-'"$RUN"'"'
LOAN=$(pick loanId)
lsp disbursement/triggerDisbursementRequest "pay-$RUN" '"loanId": "'"$LOAN"'", "payment": {"id": "DISB-'"$RUN"'"}'
answer "pay-$RUN" '"SUCCESS"'

# 7. The loan's life: a debit, a payment by hand, everything else at once.
lsp loan/LoanSummaryRequest "owed-$RUN" '"loanId": "'"$LOAN"'"'
clock '{"to": "'"$(pick dueDate)"'"}'
answer "PAY-$LOAN-1-SETTLED"
clock '{"advance": "P10D"}'
lsp repayment/triggerRepaymentRequest "page-$RUN" '"loanId": "'"$LOAN"'",
    "payment": {"paymentMethodType": "UPI", "extensibleData": {"purpose": "INSTALMENT"}}'
answer "$(pick id)-SETTLED"
lsp loan/loanStatementRequest "statement-$RUN" '"loanId": "'"$LOAN"'"'
lsp repayment/triggerRepaymentRequest "off-$RUN" '"loanId": "'"$LOAN"'", "payment": {"extensibleData": {"purpose": "FORECLOSURE"}}'
answer "$(pick id)-SETTLED"
lsp loan/LoanSummaryRequest "closed-$RUN" '"loanId": "'"$LOAN"'"'
pick loanStatus
