-- New applications of one moment, and with each its request's key: what `write.sql` would write of them, and nothing
-- that it would leave empty. Whatever a statement names costs, whether rows come of it or not, and most requests are
-- these. All or none: a key or an id that was there before is violated, and nothing is written.
with filing as materialized (
    select *
    from unnest(
        $2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[], $7::uuid[], $8::text[], $9::uuid[], $10::bytea[],
        $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::bytea[],
        $19::bytea[], $20::text[], $21::text[], $22::boolean[], $23::boolean[], $24::uuid[], $25::integer[],
        $26::integer[], $27::uuid[], $39::uuid[], $40::text[], $41::text[], $42::bytea[], $43::timestamptz[])
    as filing (
        org_id, operation, request_id, digest, exchange_id, application_id, loan_application_id, bundle_id,
        borrower_index, stage, data_consent, monitoring_consent, kyc, agreement, repayment_setup, account_setup, state,
        body, trace_id, version, signed, protected_member, stream_id, slots, pending, w3c_trace_id, callback_id,
        callback_path, callback_trace_id, callback_body, callback_due_at)
), claimed as (
    insert into inbox (org_id, operation, request_id, digest, exchange_id, created_at)
    select org_id, operation, request_id, digest, exchange_id, $1
    from filing
), filed as (
    insert into application (
        application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent,
        monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, revision, created_at, updated_at)
    select
        application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent,
        monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, 1, $1, $1
    from filing
), found_by as (
    insert into reference (org_id, kind, value, application_id, created_at)
    select org_id, kind, value, application_id, $1
    from unnest($44::text[], $45::text[], $46::text[], $47::uuid[]) as id (org_id, kind, value, application_id)
    on conflict do nothing
), happened as (
    insert into event (application_id, revision, what, happened_at)
    select application_id, revision, what, $1
    from unnest($28::uuid[], $29::bigint[], $30::text[]) as event (application_id, revision, what)
), received as (
    insert into message (exchange_id, received_at, body)
    select exchange_id, $1, body
    from filing
), opened as (
    insert into exchange (
        exchange_id, org_id, operation, request_id, trace_id, version, signed, protected_member, stream_id, slots,
        pending, created_at, answered_at, w3c_trace_id)
    select
        exchange_id, org_id, operation, request_id, trace_id, version, signed, protected_member, stream_id, slots,
        pending, $1, case when pending = 0 then $1 end, w3c_trace_id
    from filing
), about as (
    insert into exchange_application (application_id, exchange_id, slot)
    select application_id, exchange_id, 0
    from filing
), later as (
    insert into ask (ask_id, org_id, application_id, exchange_id, port, method, detail, state, due_at, created_at)
    select ask_id, org_id, application_id, exchange_id, port, method, detail, 'OPEN', due_at, $1
    from unnest(
        $31::uuid[], $32::text[], $33::uuid[], $34::uuid[], $35::text[], $36::text[], $37::bytea[], $38::timestamptz[])
    as ask (ask_id, org_id, application_id, exchange_id, port, method, detail, due_at)
), place as (
    insert into stream (stream_id, org_id, pending, next_seq, due_at)
    select stream_id, org_id, 1, 2, callback_due_at
    from filing
    where callback_id is not null
)
insert into callback (
    callback_id, stream_id, seq, org_id, exchange_id, operation, request_id, path, version, trace_id, body, signed,
    protected_member, state, due_at, created_at, w3c_trace_id)
select
    callback_id, stream_id, 1, org_id, exchange_id, operation, request_id, callback_path, version, callback_trace_id,
    callback_body, signed, protected_member, 'PENDING', callback_due_at, $1, w3c_trace_id
from filing
where callback_id is not null
