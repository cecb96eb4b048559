-- A request, its ack and its callback(s).

-- The idempotency keys: narrow, hash-partitioned, never pruned before their loans close.
create table inbox (
    org_id text not null,
    operation text not null,
    request_id text not null,
    -- SHA-256 of the body without its metadata.
    digest bytea not null,
    exchange_id uuid not null,
    created_at timestamptz not null,
    primary key (org_id, operation, request_id)
) partition by hash (org_id, operation, request_id);

do $$
begin
    for i in 0..15 loop
        execute format('create table inbox_%s partition of inbox for values with (modulus 16, remainder %s)', i, i);
    end loop;
end
$$;

create table exchange (
    exchange_id uuid primary key,
    org_id text not null references lsp,
    operation text not null,
    request_id text not null,
    trace_id text not null,
    version text not null,
    -- How the request was signed, so that the callback can mirror it.
    signed boolean not null,
    protected_member boolean not null,
    -- The stream that its callbacks join.
    stream_id uuid not null,
    -- How many results it has, and how many are still missing; taken down under this row's lock, and whoever
    -- takes it to zero enqueues the one callback.
    slots integer not null,
    pending integer not null,
    created_at timestamptz not null,
    answered_at timestamptz,
    -- At most one interim PROCESSING answer.
    interim_at timestamptz,
    constraint exchange_pending_counts_down check (pending between 0 and slots)
) with (fillfactor = 80);

-- Which applications a request was about, for the operator's view.
create table exchange_application (
    application_id uuid not null references application,
    exchange_id uuid not null references exchange,
    -- Which of the exchange's results this application owes.
    slot integer not null,
    primary key (application_id, exchange_id)
);

-- An interim answer lists all applications of the request.
create index exchange_application_exchange_idx on exchange_application (exchange_id);

-- Frozen results of a request over several applications, sealed; written once.
create table exchange_answer (
    exchange_id uuid not null references exchange,
    slot integer not null,
    answer bytea not null,
    primary key (exchange_id, slot)
);

-- Messages as received, sealed, partitioned by time.
create table message (
    exchange_id uuid not null,
    received_at timestamptz not null,
    body bytea not null,
    primary key (exchange_id, received_at)
) partition by range (received_at);

create table message_default partition of message default;

-- Questions to the lender's systems, and timers. An expired lease is the crash recovery.
create table ask (
    ask_id uuid primary key,
    org_id text not null references lsp,
    -- The first of the applications it is about.
    application_id uuid not null references application,
    exchange_id uuid references exchange,
    port text not null,
    method text not null,
    -- The question with its targets, sealed: it may hold account numbers.
    detail bytea not null,
    -- OPEN: to be asked. SENDING: a money call that may have left; only its status may be asked now.
    -- STUCK: waits for an operator. CLOSED: its outcome is applied.
    state text not null,
    tries integer not null default 0,
    -- The other system's reference while it is pending.
    reference text,
    -- Business time; moved by the test clock.
    due_at timestamptz not null,
    -- Database time; only the holder of lease_id may settle.
    lease_id uuid,
    leased_until timestamptz,
    outcome text,
    created_at timestamptz not null,
    closed_at timestamptz,
    constraint ask_state_known check (state in ('OPEN', 'SENDING', 'STUCK', 'CLOSED'))
) with (fillfactor = 80);

-- The worker looks for due asks only.
create index ask_due_idx on ask (due_at) where state in ('OPEN', 'SENDING');
create index ask_application_idx on ask (application_id);
create index ask_exchange_idx on ask (exchange_id) where state in ('OPEN', 'SENDING');
