-- Who talks to us, and the keys that seal what they say.

-- A loan service provider. Settings are the switches of the protocol digest's appendix C.
create table lsp (
    org_id text primary key,
    name text not null,
    callback_base_url text not null,
    settings jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint lsp_org_id_length check (char_length(org_id) between 1 and 128)
);

-- Public keys of LSPs. A row is never deleted, so a revoked kid can never return.
create table lsp_key (
    org_id text not null references lsp,
    kid text not null,
    public_key_pem text not null,
    revoked_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, kid)
);

-- Intake finds the LSP by the kid of the signature.
create index lsp_key_kid_idx on lsp_key (kid);

-- Data keys, each wrapped by the master key that is not in the database (envelope encryption).
create table seal_key (
    seal_key_id integer primary key,
    wrapped bytea not null,
    created_at timestamptz not null
);
