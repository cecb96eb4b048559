-- The life of a loan after its payout: facts, the book, payments by the borrower, day-ends, disputes, acts by hand.

alter table reference drop constraint reference_kind_known;
alter table reference add constraint reference_kind_known check (kind in (
    'CONSENT', 'AGGREGATION', 'PLAN', 'OTP_SESSION', 'LOAN', 'PAYMENT', 'REPAYMENT', 'DISPUTE'));

-- What the day-end, operators and other loans of the borrower must see without opening the sealed state.
alter table loan
    add column status text not null default 'GRANTED',
    -- When something happens next by itself, and whether only after the day is over.
    add column next_event_on date,
    add column next_event_closed boolean,
    -- Due date of the oldest instalment that is not paid in full.
    add column oldest_due date,
    -- Since when it is a non-performing asset by its own arrears.
    add column npa_since date,
    -- In paise.
    add column principal_outstanding bigint not null default 0,
    add column closed_on date,
    add constraint loan_status_known check (status in ('GRANTED', 'RUNNING', 'CLOSED', 'WRITTEN_OFF', 'WITHDRAWN')),
    add constraint loan_principal_not_negative check (principal_outstanding >= 0),
    add constraint loan_event_whole check ((next_event_on is null) = (next_event_closed is null)),
    add constraint loan_closed_owes_nothing check (status <> 'CLOSED' or (principal_outstanding = 0 and next_event_on is null));

-- The day-end looks at loans on which something happens, however many others there are.
create index loan_event_idx on loan (next_event_on) where next_event_on is not null;
-- A borrower's loans: listLoans of an LSP, and classification over all of them.
create index loan_borrower_idx on loan (borrower_index, org_id);

-- Since when all loans of the borrower are non-performing, because of any of them (RBI/2021-2022/125).
alter table borrower add column npa_since date;

-- What happened to a loan from outside, in the order in which it became known; with the accepted offer it decides the
-- whole book. Sealed: an operator's words may stand in it.
create table loan_fact (
    fact_id bigint generated always as identity primary key,
    loan_id text not null references loan,
    value_date date not null,
    fact bytea not null,
    recorded_at timestamptz not null
);

create index loan_fact_loan_idx on loan_fact (loan_id, fact_id);
create trigger loan_fact_append_only before update or delete on loan_fact
    for each row execute function refuse_rewrite();

alter table posting drop constraint posting_account_known;
alter table posting add constraint posting_account_known check (account in (
    'PRINCIPAL_RECEIVABLE', 'INTEREST_ACCRUED', 'INTEREST_RECEIVABLE', 'FEE_RECEIVABLE', 'PENAL_RECEIVABLE',
    'BORROWER_EXCESS', 'BANK', 'INTEREST_INCOME', 'FEE_INCOME', 'PENAL_INCOME', 'GST_PAYABLE',
    'THIRD_PARTY_PAYABLE', 'WAIVER_EXPENSE', 'WRITE_OFF_EXPENSE', 'RECOVERY_INCOME'));
alter table journal add constraint journal_kind_known check (kind in (
    'DISBURSEMENT', 'PAYOUT_RETURN', 'ACCRUAL', 'DUE', 'RECEIPT', 'RECEIPT_RETURN', 'EXCESS_APPLIED', 'FEE', 'PENAL',
    'FEE_GIVEN_BACK', 'WAIVER', 'REFUND', 'WRITE_OFF', 'REVERSAL'));

-- The charges that the accepted key facts statement allows. Any other is refused, whoever posts it.
create table loan_charge (
    loan_id text not null references loan,
    kfs_row text not null,
    primary key (loan_id, kfs_row)
);

create function refuse_charge_off_the_kfs() returns trigger language plpgsql as $$
begin
    if not exists (
        select from loan_charge
        where loan_id = new.loan_id
        and kfs_row = case when new.kind = 'PENAL' then 'PENAL' else split_part(new.reference, ':', 1) end
    ) then
        raise exception 'the accepted key facts statement of loan % has no charge %', new.loan_id, new.reference
            using errcode = 'check_violation', constraint = 'journal_charge_on_kfs';
    end if;
    return new;
end
$$;

create trigger journal_charge_on_kfs
    before insert on journal
    for each row when (new.kind in ('FEE', 'PENAL')) execute function refuse_charge_off_the_kfs();

-- Payments by the borrower. The whole payment is sealed: it may hold a page that takes money.
create table repayment (
    payment_id text primary key,
    loan_id text not null references loan,
    org_id text not null references lsp,
    -- Counts payments of the loan, from 1.
    number integer not null,
    channel text not null,
    purpose text not null,
    instalment integer,
    amount bigint not null,
    state text not null,
    utr text,
    value_date date,
    payment bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint repayment_channel_known check (channel in ('LINK', 'MANDATE', 'MANUAL')),
    constraint repayment_state_known check (state in (
        'WAITING', 'OPENING', 'OPEN', 'CANCELLING', 'PRESENTING', 'SETTLED', 'FAILED', 'RETURNED')),
    constraint repayment_amount_positive check (amount > 0),
    constraint repayment_number_key unique (loan_id, number),
    constraint repayment_settled_has_utr check (state <> 'SETTLED' or (utr is not null and value_date is not null))
);

-- A page and a debit, or two pages, are never both on their way to the same loan.
create unique index repayment_one_collection on repayment (loan_id)
    where state in ('OPENING', 'OPEN', 'CANCELLING', 'PRESENTING');

-- An ended payment brings money once, and never again.
create function refuse_second_ending() returns trigger language plpgsql as $$
begin
    if old.state in ('FAILED', 'RETURNED') and new.state <> old.state
        or old.state = 'SETTLED' and new.state not in ('SETTLED', 'RETURNED') then
        raise exception 'payment % is % and cannot become %', old.payment_id, old.state, new.state
            using errcode = 'check_violation', constraint = 'repayment_ends_once';
    end if;
    return new;
end
$$;

create trigger repayment_ends_once before update on repayment for each row execute function refuse_second_ending();

-- Complaints about a loan; what was said is sealed.
create table dispute (
    dispute_id text primary key,
    loan_id text not null references loan,
    org_id text not null references lsp,
    status text not null,
    dispute bytea not null,
    raised_at timestamptz not null,
    updated_at timestamptz not null,
    constraint dispute_status_known check (status in ('NEW', 'PROCESSING', 'NEED_MORE_INFO', 'RESOLVED', 'CLOSED'))
);

create index dispute_loan_idx on dispute (loan_id);
create index dispute_status_idx on dispute (status, dispute_id);

-- Acts by hand: one person proposes, another releases. Never deleted, decided once.
create table operator_act (
    act_id uuid primary key,
    loan_id text not null references loan,
    kind text not null,
    -- The act and its reason, sealed.
    act bytea not null,
    maker text not null,
    checker text,
    state text not null,
    -- Why it could not be done when it was released.
    refusal text,
    proposed_at timestamptz not null,
    decided_at timestamptz,
    constraint operator_act_state_known check (state in ('PROPOSED', 'DONE', 'REJECTED')),
    constraint operator_act_decided_by_another check (checker is null or checker <> maker),
    constraint operator_act_decided_whole check ((state = 'PROPOSED') = (checker is null and decided_at is null))
);

create index operator_act_loan_idx on operator_act (loan_id, act_id);
create index operator_act_open_idx on operator_act (act_id) where state = 'PROPOSED';

create function refuse_second_decision() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or old.state <> 'PROPOSED' or new.act <> old.act or new.maker <> old.maker then
        raise exception 'act % is decided once and kept as it was proposed', old.act_id
            using errcode = 'restrict_violation', constraint = 'operator_act_decided_once';
    end if;
    return new;
end
$$;

create trigger operator_act_decided_once before update or delete on operator_act
    for each row execute function refuse_second_decision();

-- Simulated collections remember pages and debits too.
alter table sandbox.item drop constraint item_kind_known;
alter table sandbox.item add constraint item_kind_known check (kind in (
    'CONSENT', 'MANDATE', 'PAYMENT', 'SCENARIO', 'COLLECTION'));
