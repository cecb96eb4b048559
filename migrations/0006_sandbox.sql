-- Memory of the simulated lender systems; written by `dev` only.

create schema sandbox;

-- What a simulated system knows about one consent handle, mandate plan or payment key.
create table sandbox.item (
    kind text not null,
    key text not null,
    state text not null,
    detail text,
    updated_at timestamptz not null,
    primary key (kind, key),
    constraint item_kind_known check (kind in ('CONSENT', 'MANDATE', 'PAYMENT', 'SCENARIO'))
);

-- The built-in LSP endpoint: callbacks as they arrived, sealed.
create table sandbox.inbox (
    inbox_id bigint generated always as identity primary key,
    org_id text not null,
    path text not null,
    request_id text,
    body bytea not null,
    signed boolean not null,
    verified boolean not null,
    received_at timestamptz not null
);

create index inbox_org_idx on sandbox.inbox (org_id, inbox_id desc);
