-- Changes of one moment, each of another application that nobody has locked: what `write.sql` would write of them. Each
-- holds by itself: it is written whole when its application is as it was read and free, its borrower counts what was
-- read, and its request's key is new; else nothing of it is. What is held by others is not waited for.
with change as materialized (
    select *
    from unnest(
        $2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[], $7::uuid[], $8::bigint[], $9::bytea[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
        $18::text[], $19::boolean[], $20::boolean[], $21::uuid[], $22::integer[], $23::integer[], $24::uuid[],
        $25::uuid[], $26::text[], $27::text[], $28::timestamptz[], $29::bigint[], $30::text[])
    as change (
        org_id, operation, request_id, digest, exchange_id, application_id, revision, borrower_index, stage,
        data_consent, monitoring_consent, kyc, agreement, repayment_setup, account_setup, trace_id, version, signed,
        protected_member, stream_id, slots, pending, w3c_trace_id, callback_id, callback_path, callback_trace_id,
        callback_due_at, reserved, borrower_seen)
), held as (
    -- By its place, for which no index is read a second time. Locking finds the row as it is now, and what comes after
    -- finds it as it was when the statement began: one that was written in between, even by who left its revision as it
    -- was, is locked at a place where nothing stood yet. It is changed by who has read it anew.
    select change.*, free.place
    from change
    cross join lateral (
        select ctid as place
        from application
        where application_id = change.application_id
        and revision = change.revision
        for update skip locked
    ) free
    where (select true from application as_it_was where as_it_was.ctid = free.place)
), counted as (
    -- The row of a borrower is written whenever what it counts may change.
    insert into borrower (borrower_index, created_at)
    select borrower_index, $1
    from held
    where reserved is not null
    order by borrower_index
    on conflict (borrower_index) do update
    set created_at = borrower.created_at
    where borrower.xmin::text = (
        select borrower_seen
        from change
        where change.borrower_index = excluded.borrower_index
        and reserved is not null
    )
    returning borrower_index
), claimed as (
    insert into inbox (org_id, operation, request_id, digest, exchange_id, created_at)
    select org_id, operation, request_id, digest, exchange_id, $1
    from held
    where reserved is null
    or borrower_index in (select borrower_index from counted)
    on conflict do nothing
    returning exchange_id
), written as materialized (
    select *
    from held
    where exchange_id in (select exchange_id from claimed)
), changed as (
    update application
    set stage = written.stage,
        data_consent = written.data_consent,
        monitoring_consent = written.monitoring_consent,
        kyc = written.kyc,
        agreement = written.agreement,
        repayment_setup = written.repayment_setup,
        account_setup = written.account_setup,
        state = sealed.state,
        borrower_index = written.borrower_index,
        revision = application.revision + 1,
        updated_at = $1
    -- What is long is not carried from part to part.
    from unnest($6::uuid[], $31::bytea[]) as sealed (exchange_id, state)
    join written using (exchange_id)
    where application.ctid = written.place
    returning written.exchange_id
), found_by as (
    insert into reference (org_id, kind, value, application_id, created_at)
    select org_id, kind, value, application_id, $1
    from unnest($34::text[], $35::text[], $36::uuid[]) as id (kind, value, application_id)
    join written using (application_id)
    on conflict do nothing
), happened as (
    insert into event (application_id, revision, what, happened_at)
    select application_id, event.revision, what, $1
    from unnest($37::uuid[], $38::bigint[], $39::text[]) as event (application_id, revision, what)
    join written using (application_id)
), reserved as (
    insert into exposure (application_id, borrower_index, amount, granted)
    select application_id, borrower_index, reserved, false
    from written
    where reserved is not null
    on conflict (application_id) do update
    set amount = excluded.amount,
        granted = excluded.granted
), received as (
    insert into message (exchange_id, received_at, body)
    select exchange_id, $1, body
    from unnest($6::uuid[], $32::bytea[]) as sealed (exchange_id, body)
    join written using (exchange_id)
), opened as (
    insert into exchange (
        exchange_id, org_id, operation, request_id, trace_id, version, signed, protected_member, stream_id, slots,
        pending, created_at, answered_at, w3c_trace_id)
    select
        exchange_id, org_id, operation, request_id, trace_id, version, signed, protected_member, stream_id, slots,
        pending, $1, case when pending = 0 and slots > 0 then $1 end, w3c_trace_id
    from written
), about as (
    insert into exchange_application (application_id, exchange_id, slot)
    select application_id, exchange_id, 0
    from written
), later as (
    insert into ask (ask_id, org_id, application_id, exchange_id, port, method, detail, state, due_at, created_at)
    select ask_id, org_id, application_id, ask.exchange_id, port, method, detail, 'OPEN', due_at, $1
    from unnest(
        $40::uuid[], $41::uuid[], $42::uuid[], $43::text[], $44::text[], $45::bytea[], $46::timestamptz[])
    as ask (ask_id, application_id, exchange_id, port, method, detail, due_at)
    join written using (application_id)
), place as (
    insert into stream (stream_id, org_id, pending, next_seq, due_at)
    select stream_id, org_id, 1, 2, callback_due_at
    from written
    where callback_id is not null
    order by stream_id
    on conflict (stream_id) do update
    set pending = stream.pending + 1,
        next_seq = stream.next_seq + 1,
        due_at = case when stream.pending = 0 then excluded.due_at else least(stream.due_at, excluded.due_at) end
    returning stream_id, next_seq
), queued as (
    insert into callback (
        callback_id, stream_id, seq, org_id, exchange_id, operation, request_id, path, version, trace_id, body, signed,
        protected_member, state, due_at, created_at, w3c_trace_id)
    select
        callback_id, stream_id, next_seq - 1, org_id, exchange_id, operation, request_id, callback_path, version,
        callback_trace_id, body, signed, protected_member, 'PENDING', callback_due_at, $1, w3c_trace_id
    from unnest($6::uuid[], $33::bytea[]) as sealed (exchange_id, body)
    join written using (exchange_id)
    join place using (stream_id)
    where callback_id is not null
)
-- Whatever else may keep an application from being changed: nothing is told as written then, and nothing stays.
select
    case when changed.exchange_id is null then ('not changed: ' || written.application_id)::uuid else exchange_id end
        as "exchange_id!"
from written
left join changed using (exchange_id)
