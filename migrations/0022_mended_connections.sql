-- How often people had a question asked anew, under another key, after its adapter had refused the call.
alter table ask add column renewed integer not null default 0;

-- Loans whose journals the general ledger refuses while it takes those of others. Their later journals wait behind the
-- refused one, so that each loan keeps its order, and nobody else does.
create table ledger_set_aside (
    loan_id text primary key references loan,
    -- The refused journal.
    journal_id uuid not null references journal,
    failures integer not null,
    last_error text not null,
    failed_at timestamptz not null,
    -- Not before this instant, by the business clock.
    retry_at timestamptz not null,
    constraint ledger_set_aside_failed check (failures > 0)
);
