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
