-- Callbacks to LSPs: at least once, in order per stream, fenced by leases.

create table stream (
    stream_id uuid primary key,
    org_id text not null references lsp,
    -- Callbacks not yet delivered or parked.
    pending integer not null,
    -- The next free place.
    next_seq bigint not null,
    -- When the stream is worth a look (business time).
    due_at timestamptz not null,
    -- Database time; only the holder of lease_id may settle.
    lease_id uuid,
    leased_until timestamptz,
    constraint stream_pending_not_negative check (pending >= 0)
) with (fillfactor = 70);

-- The claim reads due streams in order of time and never the callbacks of idle ones.
create index stream_due_idx on stream (due_at) where pending > 0;

create table callback (
    callback_id uuid primary key,
    stream_id uuid not null references stream,
    seq bigint not null,
    org_id text not null references lsp,
    exchange_id uuid references exchange,
    operation text not null,
    request_id text not null,
    path text not null,
    version text not null,
    trace_id text not null,
    -- The payload without its metadata, sealed; frozen when decided.
    body bytea not null,
    -- How the request was signed, so that delivery can mirror it.
    signed boolean not null,
    protected_member boolean not null,
    state text not null,
    attempts integer not null default 0,
    due_at timestamptz not null,
    -- A head that has failed for ten minutes lets later callbacks pass.
    first_failed_at timestamptz,
    delivered_at timestamptz,
    parked_reason text,
    created_at timestamptz not null,
    constraint callback_order_key unique (stream_id, seq),
    constraint callback_state_known check (state in ('PENDING', 'DELIVERED', 'PARKED'))
) with (fillfactor = 80);

-- The head of a leased stream.
create index callback_pending_idx on callback (stream_id, seq) where state = 'PENDING';
-- Lists by LSP and state, newest first.
create index callback_list_idx on callback (org_id, state, callback_id desc);
-- Operators look for the callbacks of a request.
create index callback_request_idx on callback (org_id, request_id);
create index callback_exchange_idx on callback (exchange_id);

-- One row per delivery attempt, partitioned by time.
create table attempt (
    callback_id uuid not null,
    attempt integer not null,
    started_at timestamptz not null,
    duration_ms integer not null,
    -- HTTP status, when there was an answer.
    status integer,
    -- Why it does not count as delivered.
    error text,
    -- Up to 8 kB of the answer, sealed.
    answer bytea,
    primary key (callback_id, attempt, started_at)
) partition by range (started_at);

create table attempt_default partition of attempt default;

-- Monthly partitions of what grows with traffic, so that a policy can drop a month at a time. Called here and at each
-- start of a server, for this month and the five after it; the default partitions catch what comes later still, and a
-- month that has rows there already stays there.
create function make_month_partitions(at date) returns void language plpgsql as $$
declare
    parent text;
    month date;
    part text;
begin
    foreach parent in array array['message', 'attempt'] loop
        for month in
            select generate_series(date_trunc('month', at), date_trunc('month', at) + interval '5 months', '1 month')::date
        loop
            part := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
            continue when to_regclass(part) is not null;
            -- Replicas that start together make each partition once.
            perform pg_advisory_xact_lock(hashtext('make_month_partitions'));
            begin
                execute format(
                    'create table if not exists %I partition of %I for values from (%L) to (%L)',
                    part, parent, month, (month + interval '1 month')::date);
            exception when check_violation then
                raise notice '% keeps its rows of % in the default partition', parent, month;
            end;
        end loop;
    end loop;
end
$$;

select make_month_partitions(current_date);
