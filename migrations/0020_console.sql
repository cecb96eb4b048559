-- What operators, and LSPs through a link of theirs, look at in the console.

-- How much came and went: counted in each process, added here every other second while there is something to add, so
-- that no request pays for it. A refused request leaves nothing else behind.
create table traffic (
    -- Begin of the span, by the wall's clock.
    at timestamptz not null,
    -- Its length: 1 is kept for hours, 12 for days.
    minutes smallint not null,
    -- Empty while nobody knows whose request it was.
    org_id text not null,
    requests bigint not null,
    refused bigint not null,
    -- Delivered, and tries that failed.
    callbacks bigint not null,
    failed_attempts bigint not null,
    -- A look reads one range.
    constraint traffic_pkey primary key (minutes, at, org_id),
    constraint traffic_minutes_known check (minutes in (1, 12))
) with (fillfactor = 50);

-- Links by which an LSP sees its own traffic. The link holds the id with a signature; it ends when its time is over,
-- or at once when it is revoked.
create table lsp_link (
    link_id uuid not null,
    org_id text not null references lsp,
    -- By the wall's clock.
    expires_at timestamptz not null,
    revoked_at timestamptz,
    made_by text not null,
    made_at timestamptz not null,
    constraint lsp_link_pkey primary key (link_id)
);

-- Revoking takes all of an LSP's links that are left.
create index lsp_link_org_idx on lsp_link (org_id) where revoked_at is null;

-- People look for a borrower by PAN.
create index application_borrower_idx on application (borrower_index, application_id desc);

-- Loans by LSP and status, newest application first.
create index loan_list_idx on loan (org_id, status, application_id desc);

-- And by phone: the value is its blind index in hex. Only rows to come are checked; the kinds before were.
alter table reference drop constraint reference_kind_known;

alter table reference add constraint reference_kind_known check (kind in (
    'CONSENT', 'AGGREGATION', 'PLAN', 'OTP_SESSION', 'LOAN', 'PAYMENT', 'REPAYMENT', 'DISPUTE', 'PHONE')) not valid;

-- Disputes of one LSP, newest first.
create index dispute_org_idx on dispute (org_id, dispute_id desc);
