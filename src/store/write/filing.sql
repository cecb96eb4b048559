-- One new application, and with it the request's key: what `write.sql` would write of it, and nothing that it would
-- leave empty. Whatever a statement names costs, whether rows come of it or not, and most requests are this one.
-- A key or an id that was there before is violated, and nothing is written.
with claimed as (
    insert into inbox (org_id, operation, request_id, digest, exchange_id, created_at)
    values ($1, $3, $4, $5, $6, $2)
), filed as (
    insert into application (
        application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent,
        monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, revision, created_at, updated_at)
    values ($7, $1, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1, $2, $2)
), happened as (
    insert into event (application_id, revision, what, happened_at)
    select $7, revision, what, $2
    from unnest($19::bigint[], $20::text[]) as event (revision, what)
), received as (
    insert into message (exchange_id, received_at, body)
    values ($6, $2, $21)
), opened as (
    insert into exchange (
        exchange_id, org_id, operation, request_id, trace_id, version, signed, protected_member, stream_id, slots,
        pending, created_at, answered_at, w3c_trace_id)
    values ($6, $1, $3, $4, $22, $23, $24, $25, $26, $27, $28, $2, case when $28 = 0 then $2 end, $29)
), about as (
    insert into exchange_application (application_id, exchange_id, slot)
    values ($7, $6, 0)
), later as (
    insert into ask (ask_id, org_id, application_id, exchange_id, port, method, detail, state, due_at, created_at)
    select ask_id, $1, $7, exchange_id, port, method, detail, 'OPEN', due_at, $2
    from unnest($30::uuid[], $31::uuid[], $32::text[], $33::text[], $34::bytea[], $35::timestamptz[])
        as ask (ask_id, exchange_id, port, method, detail, due_at)
), place as (
    insert into stream (stream_id, org_id, pending, next_seq, due_at)
    select $26, $1, 1, 2, $40
    where $36::uuid is not null
)
insert into callback (
    callback_id, stream_id, seq, org_id, exchange_id, operation, request_id, path, version, trace_id, body, signed,
    protected_member, state, due_at, created_at, w3c_trace_id)
select $36, $26, 1, $1, $6, $3, $4, $37, $23, $38, $39, $24, $25, 'PENDING', $40, $2, $29
where $36::uuid is not null
