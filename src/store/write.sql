-- Everything that one decision writes to the tables of nearly every request, in one round trip. Parts that a decision
-- does not have are null or empty. No part reads what another one writes: each sees the database as it was before.
with settled as (
    update ask
    set state = coalesce($3, ask.state),
        outcome = coalesce($4, outcome),
        due_at = coalesce($5, ask.due_at),
        reference = coalesce($6, reference),
        closed_at = case when $3::text in ('CLOSED', 'STUCK') then $2 else closed_at end,
        lease_id = null,
        leased_until = null
    where ask_id = $7
    and lease_id = $8
    returning 1
), filed as (
    insert into application (
        application_id, org_id, loan_application_id, bundle_id, borrower_index, stage, data_consent,
        monitoring_consent, kyc, agreement, repayment_setup, account_setup, state, revision, created_at, updated_at)
    select $9, $1, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 1, $2, $2
    where $9::uuid is not null
    and $10::bigint is null
    -- Where a concurrent creator was faster its key is violated: the caller begins again and finds the application.
    returning 1
), changed as (
    update application
    set stage = $14,
        data_consent = $15,
        monitoring_consent = $16,
        kyc = $17,
        agreement = $18,
        repayment_setup = $19,
        account_setup = $20,
        state = $21,
        borrower_index = $13,
        revision = revision + 1,
        updated_at = $2
    where application_id = $9
    and revision = $10
    returning 1
), found_by as (
    insert into reference (org_id, kind, value, application_id, created_at)
    select $1, kind, value, application_id, $2
    from unnest($22::text[], $23::text[], $24::uuid[]) as id (kind, value, application_id)
    on conflict do nothing
), happened as (
    insert into event (application_id, revision, what, happened_at)
    select application_id, revision, what, $2
    from unnest($25::uuid[], $26::bigint[], $27::text[]) as event (application_id, revision, what)
), reserved as (
    insert into exposure (application_id, borrower_index, amount, granted)
    select $28, $29, $30, false
    where $28::uuid is not null
    on conflict (application_id) do update
    set amount = excluded.amount,
        granted = excluded.granted
), received as (
    insert into message (exchange_id, received_at, body)
    select $31, $2, $32
    where $31::uuid is not null
), opened as (
    insert into exchange (
        exchange_id, org_id, operation, request_id, trace_id, version, signed, protected_member, stream_id, slots,
        pending, created_at, answered_at, w3c_trace_id)
    select $31, $1, $33, $34, $35, $36, $37, $38, $39, $40, $41, $2, case when $41 = 0 and $40 > 0 then $2 end, $70
    where $31::uuid is not null
), about as (
    insert into exchange_application (application_id, exchange_id, slot)
    select application_id, $31, slot
    from unnest($42::uuid[], $43::integer[]) as part (application_id, slot)
), frozen as (
    insert into exchange_answer (exchange_id, slot, answer)
    select $31, slot, answer
    from unnest($44::integer[], $45::bytea[]) as result (slot, answer)
), counted as (
    update exchange
    set pending = pending - 1,
        answered_at = case when pending = 1 then $2 else answered_at end
    where exchange_id = $46
    and pending >= 1
    returning 1
), later as (
    insert into ask (ask_id, org_id, application_id, exchange_id, port, method, detail, state, due_at, created_at)
    select ask_id, $1, application_id, exchange_id, port, method, detail, 'OPEN', due_at, $2
    from unnest($47::uuid[], $48::uuid[], $49::uuid[], $50::text[], $51::text[], $52::bytea[], $53::timestamptz[])
        as ask (ask_id, application_id, exchange_id, port, method, detail, due_at)
), place as (
    -- Streams in the order of their ids, each once.
    insert into stream (stream_id, org_id, pending, next_seq, due_at)
    select stream_id, $1, joining, joining + 1, due_at
    from unnest($54::uuid[], $55::integer[], $56::timestamptz[]) as joined (stream_id, joining, due_at)
    on conflict (stream_id) do update
    set pending = stream.pending + excluded.pending,
        next_seq = stream.next_seq + excluded.pending,
        due_at = case when stream.pending = 0 then excluded.due_at else least(stream.due_at, excluded.due_at) end
    returning stream_id, next_seq
), queued as (
    insert into callback (
        callback_id, stream_id, seq, org_id, exchange_id, operation, request_id, path, version, trace_id,
        body, signed, protected_member, state, due_at, created_at, w3c_trace_id)
    select
        callback_id, place.stream_id, place.next_seq - from_end, $1, exchange_id, operation, request_id, path, version,
        trace_id, body, signed, protected_member, 'PENDING', due_at, $2, w3c_trace_id
    from unnest(
        $57::uuid[], $58::uuid[], $59::integer[], $60::uuid[], $61::text[], $62::text[], $63::text[], $64::text[],
        $65::text[], $66::bytea[], $67::boolean[], $68::boolean[], $69::timestamptz[], $71::uuid[])
    as callback (
        callback_id, stream_id, from_end, exchange_id, operation, request_id, path, version, trace_id, body, signed,
        protected_member, due_at, w3c_trace_id)
    join place using (stream_id)
)
select
    (select count(*) from settled) as "settled!",
    (select count(*) from filed) + (select count(*) from changed) as "applications!",
    (select count(*) from counted) as "counted!"
