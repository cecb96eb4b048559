-- What an attempt put onto the frozen body: with these the exact bytes that an LSP was sent can be shown again. Null in
-- what older versions wrote, and where nothing was sent.
alter table attempt
    -- The wall clock's, as in `metadata.timestamp`; `started_at` is business time.
    add column sent_at timestamptz,
    -- The key, the member of the protected header and the signature of a signed message.
    add column kid text,
    add column header_member text,
    add column signature bytea,
    -- Of new rows: that it holds for the old ones, which have none of it, needs no look at each.
    add constraint attempt_signed_whole check (
        (kid is null) = (signature is null) and (header_member is null) = (signature is null)) not valid;

-- Maker and checker are two persons in whatever case their names are written, as at referrals.
alter table operator_act
    drop constraint operator_act_decided_by_another,
    add constraint operator_act_decided_by_another check (checker is null or lower(checker) <> lower(maker)) not valid;
