-- Decisions that wait for people, and the feed of the book to the lender's general ledger.

-- REFERRED: a person decides; the question is neither asked again nor given up meanwhile.
alter table ask drop constraint ask_state_known;
alter table ask add constraint ask_state_known check (state in ('OPEN', 'SENDING', 'STUCK', 'REFERRED', 'CLOSED'));

-- What the `decision` port referred to a person. Decided once, by two people, and kept.
create table referral (
    referral_id uuid primary key,
    -- The question that was referred; it is not referenced, since old questions are pruned and decisions are kept.
    ask_id uuid not null,
    org_id text not null references lsp,
    application_id uuid not null references application,
    -- The exchange that the question belonged to, where it belonged to one.
    exchange_id uuid,
    question text not null,
    -- The application's count of questions: an older verdict is stale.
    generation bigint not null,
    -- Why it was referred: codes to look for, and the words, sealed.
    codes text[] not null,
    reasons bytea not null,
    -- WAITING: to be claimed and proposed. PROPOSED: to be released by another person. STALE: the application went on.
    state text not null,
    -- Who works on it, and until when, by the business clock.
    claimed_by text,
    claimed_until timestamptz,
    -- Verdict, terms and reason, sealed.
    proposal bytea,
    maker text,
    checker text,
    created_at timestamptz not null,
    proposed_at timestamptz,
    decided_at timestamptz,
    constraint referral_ask_key unique (ask_id),
    constraint referral_question_known check (question in ('eligibility', 'offers', 'final-check')),
    constraint referral_state_known check (state in ('WAITING', 'PROPOSED', 'APPROVED', 'REJECTED', 'STALE')),
    constraint referral_claim_whole check ((claimed_by is null) = (claimed_until is null)),
    constraint referral_proposal_whole check (
        (proposal is null) = (maker is null) and (proposal is null) = (proposed_at is null)),
    constraint referral_proposed_by_somebody check (
        state in ('WAITING', 'STALE') or proposal is not null),
    constraint referral_released_by_another check (checker is null or lower(checker) <> lower(maker)),
    constraint referral_decided_whole check ((state in ('APPROVED', 'REJECTED')) = (checker is not null)),
    constraint referral_ended_whole check ((state in ('APPROVED', 'REJECTED', 'STALE')) = (decided_at is not null))
);

-- The queue, oldest first, and what became of one application.
create index referral_open_idx on referral (referral_id) where state in ('WAITING', 'PROPOSED');
create index referral_state_idx on referral (state, referral_id);
create index referral_application_idx on referral (application_id);

create function refuse_second_verdict() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or old.state in ('APPROVED', 'REJECTED', 'STALE') then
        raise exception 'decision % is decided once and kept', old.referral_id
            using errcode = 'restrict_violation', constraint = 'referral_decided_once';
    end if;
    return new;
end
$$;

create trigger referral_decided_once before update or delete on referral
    for each row execute function refuse_second_verdict();

-- Who did what with it. Append-only.
create table referral_act (
    act_id bigint generated always as identity primary key,
    referral_id uuid not null references referral,
    what text not null,
    -- Nobody, when the program found it stale.
    who text,
    -- What was proposed, sealed.
    proposal bytea,
    happened_at timestamptz not null,
    constraint referral_act_known check (what in (
        'CLAIMED', 'UNCLAIMED', 'PROPOSED', 'RETURNED', 'RELEASED', 'STALE'))
);

create index referral_act_referral_idx on referral_act (referral_id, act_id);
create trigger referral_act_append_only before update or delete on referral_act
    for each row execute function refuse_rewrite();

-- Journals that the lender's general ledger has not taken yet. Filled by whoever posts, whatever version of the
-- program it is; emptied by the feed, which holds the lease below.
create table ledger_outbox (
    -- Ascends in the order of posting within each loan, whose journals are posted under its lock.
    number bigint generated always as identity primary key,
    journal_id uuid not null references journal,
    constraint ledger_outbox_journal_key unique (journal_id)
);

create function feed_ledger() returns trigger language plpgsql as $$
begin
    insert into ledger_outbox (journal_id)
    select journal_id
    from posted
    order by journal_id;
    return null;
end
$$;

create trigger journal_feeds_ledger
    after insert on journal
    referencing new table as posted
    for each statement execute function feed_ledger();

-- What was posted before there was a feed.
insert into ledger_outbox (journal_id)
select journal_id
from journal
order by posted_at, journal_id;

-- Totals of a day read that day's journals only; the table grows in the order of time, so a BRIN is enough.
create index journal_posted_idx on journal using brin (posted_at);

-- The two workers that replicas share, one row each.
create table ledger_worker (
    name text primary key,
    -- Database time; only the holder of lease_id may write.
    lease_id uuid,
    leased_until timestamptz,
    -- Not before this instant, by the business clock: the other side refused or was away.
    retry_at timestamptz,
    failures integer not null default 0,
    last_error text,
    failed_at timestamptz,
    -- How many journals were taken, up to which number, and when the last of them.
    taken bigint not null default 0,
    through bigint not null default 0,
    taken_at timestamptz,
    constraint ledger_worker_known check (name in ('journal', 'compare'))
) with (fillfactor = 50);

insert into ledger_worker (name) values ('journal'), ('compare');

-- Balances of our accounts at the end of a day, in paise; each day's are the last ones and what was posted since.
create table ledger_total (
    day date not null,
    account text not null,
    balance bigint not null,
    primary key (day, account)
);

-- Comparisons with the lender's general ledger, one for a day.
create table ledger_comparison (
    day date primary key,
    state text not null,
    -- Loans are compared in the order of their ids; up to this one they are.
    loans_through text not null default '',
    loans bigint not null default 0,
    differences bigint not null default 0,
    started_at timestamptz not null,
    finished_at timestamptz,
    constraint ledger_comparison_state_known check (state in ('RUNNING', 'AGREED', 'DIFFERS')),
    constraint ledger_comparison_ended_whole check ((state = 'RUNNING') = (finished_at is null)),
    constraint ledger_comparison_counts check ((state = 'DIFFERS') = (differences > 0) or state = 'RUNNING')
);

-- Where they differ; a bounded number for each day.
create table ledger_difference (
    day date not null references ledger_comparison,
    -- ACCOUNT: a code of the general ledger. LOAN: a control total of a loan.
    subject text not null,
    key text not null,
    measure text not null,
    ours bigint not null,
    theirs bigint not null,
    primary key (day, subject, key, measure),
    constraint ledger_difference_subject_known check (subject in ('ACCOUNT', 'LOAN')),
    constraint ledger_difference_differs check (ours <> theirs)
);

-- The simulated general ledger of `dev`: each journal once.
create table sandbox.gl_entry (
    journal_key text not null,
    line integer not null,
    loan_id text not null,
    -- The code in the general ledger, and the account of the book that it stands for.
    account text not null,
    book_account text not null,
    amount bigint not null,
    booked_on date not null,
    primary key (journal_key, line)
);

create index gl_entry_loan_idx on sandbox.gl_entry (loan_id);
