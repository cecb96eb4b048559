-- Scenarios, faults and snapshots of the sandbox; written by `dev` only, empty beside a real adapter.

-- Codes by which a tester forces an outcome, as they were read while the clear data was at hand. One row for each place
-- that a code may come from; of one family (the first two digits) the place with the lowest rank counts.
create table sandbox.scenario (
    application_id uuid not null references application on delete cascade,
    family text not null,
    source text not null,
    rank smallint not null,
    code text not null,
    -- What the code remembers of its own doing, e.g. the generation at which a document was asked for.
    mark bigint,
    set_at timestamptz not null,
    primary key (application_id, family, source),
    constraint scenario_code_form check (code ~ '^[0-9]{4}$' and family = left(code, 2)),
    constraint scenario_source_known check (source in (
        'HEADER', 'CONTROL', 'ACCOUNT', 'VPA', 'PAN', 'GSTIN', 'UDYAM', 'MOBILE', 'AMOUNT', 'DEFAULT'))
);

-- Whether any code is for messages at all.
create index scenario_family_idx on sandbox.scenario (family) where family = '09';

-- Codes that applications of an LSP are filed with when nothing else names one of the family.
create table sandbox.scenario_default (
    org_id text not null references lsp on delete cascade,
    family text not null,
    code text not null,
    primary key (org_id, family),
    constraint scenario_default_code_form check (code ~ '^[0-9]{4}$' and family = left(code, 2))
);

-- What borrowers and banks will do by themselves, by the business clock.
create table sandbox.diary (
    diary_id bigint generated always as identity primary key,
    application_id uuid not null references application on delete cascade,
    code text not null,
    act text not null,
    -- What it is done to: a payment, a plan.
    subject text not null,
    due_at timestamptz not null,
    done_at timestamptz,
    -- The same thing is written down once, however often its cause comes again.
    constraint diary_entry_key unique (application_id, act, subject)
);

-- The next entries, by time.
create index diary_due_idx on sandbox.diary (due_at) where done_at is null;

-- Rules by which messages are spoilt on purpose.
create table sandbox.fault (
    fault_id uuid primary key,
    fault text not null,
    -- What a message must fit; null fits all.
    org_id text,
    operation text,
    loan_application_id text,
    -- Only the nth message that fits, counted from 1.
    nth integer,
    -- How often at most; null is without end.
    most integer,
    until_at timestamptz,
    delay_ms integer not null,
    -- Messages that fitted so far, and those of them that were spoilt.
    fitted integer not null default 0,
    injected integer not null default 0,
    created_at timestamptz not null,
    constraint fault_numbers_positive check (nth > 0 and most > 0 and delay_ms >= 0)
);

-- What was done to a message on purpose, so that nobody takes it for a mistake: by callback and attempt, by exchange
-- where a request was meant, or by application and operation where nothing of the message was kept.
create table sandbox.injected (
    injected_id bigint generated always as identity primary key,
    subject_id uuid not null,
    -- Of a callback, which try; 0 where it was not tried at all, or is a request.
    attempt integer not null,
    fault text not null,
    cause text not null,
    injected_at timestamptz not null
);

create index injected_subject_idx on sandbox.injected (subject_id, attempt);

-- States of the whole sandbox that can be gone back to; the rows lie in a schema of each snapshot's own.
create table sandbox.snapshot (
    snapshot_id uuid primary key,
    name text not null,
    schema_name text not null,
    -- Business time that the clock goes back to.
    business_time timestamptz not null,
    taken_at timestamptz not null,
    rows bigint not null
);

-- The tables that a snapshot holds: all but the ones that must only grow, whatever is gone back to. Data keys stay, so
-- that what was sealed since does not become unreadable if a later snapshot is restored.
create function sandbox.snapshot_tables() returns table (space text, name text) language sql stable as $$
    select pg_namespace.nspname::text, pg_class.relname::text
    from pg_class
    join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname in ('public', 'sandbox')
    and pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and pg_class.relname not in (
        '_sqlx_migrations', 'snapshot', 'seal_key', 'seal_root', 'audit_entry', 'audit_anchor')
    order by 1, 2
$$;

-- Copies every table into a schema of its own; gives the number of rows.
create function sandbox.take_snapshot(target text) returns bigint language plpgsql as $$
declare
    held record;
    copied bigint;
    total bigint := 0;
begin
    execute format('create schema %I', target);
    for held in select * from sandbox.snapshot_tables() loop
        execute format(
            'create table %I.%I as table %I.%I', target, held.space || '.' || held.name, held.space, held.name);
        get diagnostics copied = row_count;
        total := total + copied;
    end loop;
    execute format(
        'create table %I.sequences as
        select schemaname, sequencename, last_value
        from pg_sequences
        where schemaname in (''public'', ''sandbox'')
        and sequencename not like ''audit%%''', target);
    return total;
end
$$;

-- Puts every table back as it was. Append-only triggers and foreign keys rest meanwhile, which takes a superuser: the
-- sandbox's own cluster has one. Whoever is at work waits for the locks, and finds its lease gone.
create function sandbox.restore_snapshot(source text) returns void language plpgsql as $$
declare
    held record;
    known text;
begin
    set local session_replication_role = replica;
    select string_agg(format('%I.%I', space, name), ', ') into known from sandbox.snapshot_tables();
    execute 'lock table ' || known || ' in access exclusive mode';
    execute 'truncate ' || known;
    for held in
        select tables.space, tables.name,
            string_agg(format('%I', current.attname), ', ' order by current.attnum) as columns
        from sandbox.snapshot_tables() as tables
        join pg_class on pg_class.relname = tables.space || '.' || tables.name
        join pg_namespace on pg_namespace.oid = pg_class.relnamespace and pg_namespace.nspname = source
        join pg_attribute copied on copied.attrelid = pg_class.oid and copied.attnum > 0
        join pg_attribute current
            on current.attrelid = format('%I.%I', tables.space, tables.name)::regclass
            and current.attname = copied.attname
            and current.attgenerated = ''
            and not current.attisdropped
        group by tables.space, tables.name
    loop
        execute format(
            'insert into %I.%I (%s) overriding system value select %s from %I.%I',
            held.space, held.name, held.columns, held.columns, source, held.space || '.' || held.name);
    end loop;
    for held in execute format('select * from %I.sequences', source) loop
        perform setval(
            format('%I.%I', held.schemaname, held.sequencename)::regclass,
            coalesce(held.last_value, 1),
            held.last_value is not null);
    end loop;
end
$$;

create function sandbox.drop_snapshot(source text) returns void language plpgsql as $$
begin
    -- Else every table is named to whoever listens.
    set local client_min_messages = warning;
    execute format('drop schema %I cascade', source);
end
$$;
