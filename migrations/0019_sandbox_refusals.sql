-- Requests that the sandbox refused in their acks: an LSP's conformance report names them. Written by `dev` only.

create table sandbox.refusal (
    refusal_id bigint generated always as identity primary key,
    -- Whose it was: verified, or what the message said of itself.
    org_id text not null,
    operation text not null,
    request_id text,
    -- HTTP status, error code and JSON pointer of the ack.
    status integer not null,
    error text not null,
    pointer text not null,
    -- The ack's words, sealed: they may repeat a value of the message.
    detail bytea not null,
    -- Business time, as that of requests that were accepted.
    received_at timestamptz not null
);

-- The refusals of one LSP since a time.
create index refusal_org_idx on sandbox.refusal (org_id, received_at);
