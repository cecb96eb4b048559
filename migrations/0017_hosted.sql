-- A sandbox that serves many LSPs (`dev --hosted`): who was invited, and which namespaces there are. Written in the
-- host's own database only; every other database carries the tables empty. What happens in a namespace stands in a
-- database of its own.

create schema hosted;

-- One LSP. Its database, its directory and its paths carry the name.
create table hosted.namespace (
    name text primary key,
    org_id text not null,
    display_name text not null,
    -- SHA-256 of the token, which has too much randomness to be guessed from it.
    token_sha256 bytea not null,
    -- CREATING and DELETING: a crash on the way; the next start undoes or ends it.
    state text not null,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    -- While it sleeps: when a callback of it is due again.
    wake_at timestamptz,
    constraint namespace_name_form check (name ~ '^[a-z0-9]+(-[a-z0-9]+)+$' and length(name) <= 32),
    constraint namespace_state_known check (state in ('CREATING', 'READY', 'DELETING')),
    constraint namespace_token_is_digest check (octet_length(token_sha256) = 32)
);

-- A right to one namespace. The text itself is told once and kept nowhere.
create table hosted.invite (
    invite_sha256 bytea primary key,
    note text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    -- What it was used for; the namespace may be gone by now.
    namespace text,
    constraint invite_is_digest check (octet_length(invite_sha256) = 32),
    constraint invite_used_for_something check ((used_at is null) = (namespace is null))
);

-- Open invites are counted, and listed by age.
create index invite_open_idx on hosted.invite (expires_at) where used_at is null;
