-- The audit log: who did what, in a chain that shows what was changed, left out or moved; and its signed heads.

create table audit_entry (
    -- Counted from 1 without gaps.
    seq bigint not null,
    -- The hash of the row before; 32 zero bytes before the first.
    prev_hash bytea not null,
    -- SHA-256 over prev_hash, seq as eight bytes (big endian) and the bytes of `entry` in UTF-8.
    hash bytea not null,
    -- What happened, as JSON without personal data: the very text that was hashed.
    entry text not null,
    -- To look for; derived, so they cannot say anything else than the text.
    actor text not null generated always as ((entry::jsonb) ->> 'actor') stored,
    action text not null generated always as ((entry::jsonb) ->> 'action') stored,
    constraint audit_entry_pkey primary key (seq),
    constraint audit_entry_counts_from_one check (seq >= 1),
    constraint audit_entry_hashes_whole check (octet_length(prev_hash) = 32 and octet_length(hash) = 32),
    constraint audit_entry_bounded check (octet_length(entry) <= 65536)
);

-- One person's or one kind's entries, newest first.
create index audit_entry_actor_idx on audit_entry (actor, seq);
create index audit_entry_action_idx on audit_entry (action, seq);

-- Links a row to the one before, whoever inserts it and whatever place he gives it. The lock is held to the end of the
-- transaction: rows come one after the other and a rollback leaves no gap. A transaction appends last, so that others
-- wait for no more than its commit. Messages of LSPs are not chained and never take it.
create function chain_audit_entry() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(7001200341);
    select coalesce(max(seq), 0) + 1 into new.seq from audit_entry;
    select hash into new.prev_hash from audit_entry where seq = new.seq - 1;
    new.prev_hash := coalesce(new.prev_hash, decode(repeat('00', 32), 'hex'));
    new.hash := sha256(new.prev_hash || int8send(new.seq) || convert_to(new.entry, 'UTF8'));
    return new;
end
$$;

create trigger audit_entry_chained before insert on audit_entry
    for each row execute function chain_audit_entry();
create trigger audit_entry_append_only before update or delete on audit_entry
    for each row execute function refuse_rewrite();
create trigger audit_entry_not_emptied before truncate on audit_entry
    for each statement execute function refuse_rewrite();

-- Where the chain stood, once a day (UTC) and signed with the lender's key: whoever cuts the chain's end off would have
-- to take this back, too, and the log line that repeats it.
create table audit_anchor (
    day date not null,
    seq bigint not null,
    hash bytea not null,
    -- A compact JWS over count, head and day.
    signed text not null,
    made_at timestamptz not null,
    constraint audit_anchor_pkey primary key (day),
    constraint audit_anchor_counts check (seq >= 0 and octet_length(hash) = 32)
);

create trigger audit_anchor_append_only before update or delete on audit_anchor
    for each row execute function refuse_rewrite();
create trigger audit_anchor_not_emptied before truncate on audit_anchor
    for each statement execute function refuse_rewrite();
