-- Kill switches: a row stops something at once, on every replica; without its row it runs.
create table switch (
    -- LSP: all that it sends. PRODUCT: its new business. OPERATION: one OCEN call. PAYOUTS: money out.
    kind text not null,
    -- The orgId, product, or operation; for payouts a product, or `all`.
    subject text not null,
    reason text not null,
    set_by text not null,
    set_at timestamptz not null,
    primary key (kind, subject),
    constraint switch_kind_known check (kind in ('LSP', 'PRODUCT', 'OPERATION', 'PAYOUTS'))
);

-- Who stopped what, when and why, and who let it run again.
create table switch_change (
    change_id bigint generated always as identity primary key,
    kind text not null,
    subject text not null,
    stopped boolean not null,
    reason text not null,
    changed_by text not null,
    changed_at timestamptz not null
);

create trigger switch_change_append_only before update or delete on switch_change
    for each row execute function refuse_rewrite();

-- A payout that waits for its switch: it has not left, and goes out when the switch is taken back.
alter table ask add column held boolean not null default false;
