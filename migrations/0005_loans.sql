-- Loans, payouts and the book.

create table loan (
    loan_id text primary key,
    -- One grant per application, whatever happens.
    application_id uuid not null references application,
    org_id text not null references lsp,
    borrower_index bytea not null references borrower,
    -- The whole loan, sealed.
    state bytea not null,
    revision bigint not null,
    created_at timestamptz not null,
    constraint loan_application_key unique (application_id)
) with (fillfactor = 70);

-- A collateral is pledged once, lender-wide, from grant to closure; the key is its blind index.
create table lien (
    collateral_index bytea primary key,
    loan_id text not null references loan,
    taken_at timestamptz not null
);

-- Each try to pay a tranche. The bank key is the same for the same try, for ever.
create table payout (
    loan_id text not null references loan,
    tranche integer not null,
    attempt integer not null,
    payment_id text not null,
    bank_key text not null,
    state text not null,
    utr text,
    updated_at timestamptz not null,
    primary key (loan_id, tranche, attempt),
    constraint payout_bank_key unique (bank_key),
    constraint payout_state_known check (state in ('RESERVED', 'SENDING', 'PAID', 'FAILED')),
    constraint payout_paid_has_utr check ((state = 'PAID') = (utr is not null))
);

-- One open or paid payout per tranche, whatever payment id asks for it.
create unique index payout_tranche_key on payout (loan_id, tranche) where state <> 'FAILED';

create table journal (
    journal_id uuid primary key,
    loan_id text not null references loan,
    kind text not null,
    -- The same business fact is never posted twice.
    reference text not null,
    value_date date not null,
    posted_at timestamptz not null,
    constraint journal_reference_key unique (loan_id, kind, reference)
);

-- Debits positive, credits negative, in paise.
create table posting (
    journal_id uuid not null references journal,
    line integer not null,
    account text not null,
    amount bigint not null,
    primary key (journal_id, line),
    constraint posting_account_known check (account in ('PRINCIPAL_RECEIVABLE', 'BANK', 'FEE_INCOME')),
    constraint posting_amount_not_zero check (amount <> 0)
);

create function refuse_unbalanced_journal() returns trigger language plpgsql as $$
begin
    if (select coalesce(sum(amount), 0) from posting where journal_id = new.journal_id) <> 0 then
        raise exception 'journal % does not sum to zero', new.journal_id
            using errcode = 'check_violation', constraint = 'posting_balanced';
    end if;
    return null;
end
$$;

-- Checked at commit, when the journal is complete.
create constraint trigger posting_balanced
    after insert on posting
    deferrable initially deferred
    for each row execute function refuse_unbalanced_journal();

create trigger journal_append_only before update or delete on journal for each row execute function refuse_rewrite();
create trigger posting_append_only before update or delete on posting for each row execute function refuse_rewrite();
