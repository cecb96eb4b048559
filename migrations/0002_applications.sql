-- One state machine per loan application.

create table application (
    application_id uuid primary key,
    org_id text not null references lsp,
    -- Made by the LSP, unique per LSP only.
    loan_application_id text not null,
    -- The applications created by one request; their callbacks leave in order.
    bundle_id uuid not null,
    -- Blind index of the borrower's identity.
    borrower_index bytea not null,
    stage text not null,
    data_consent text not null,
    monitoring_consent text not null,
    kyc text not null,
    agreement text not null,
    repayment_setup text not null,
    account_setup text not null,
    -- The whole application, sealed; the columns above repeat what the database must check and people search.
    state bytea not null,
    revision bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint application_loan_application_id_key unique (org_id, loan_application_id),
    constraint application_stage_known check (stage in (
        'RECEIVED', 'PROCESSING', 'UNDERWRITING', 'OFFERED', 'OFFER_ACCEPTED', 'OTP_SENT', 'AGREED', 'GRANTING',
        'GRANTED', 'REJECTED', 'ACTION_REQUIRED', 'EXPIRED')),
    constraint application_data_consent_known check (data_consent in ('NONE', 'REQUESTED', 'PENDING', 'READY', 'FAILED')),
    constraint application_monitoring_consent_known check (monitoring_consent in ('NONE', 'REQUESTED', 'PENDING', 'READY', 'FAILED')),
    constraint application_kyc_known check (kyc in ('NONE', 'PENDING', 'DONE', 'FAILED')),
    constraint application_agreement_known check (agreement in ('NONE', 'PREPARING', 'PREPARED', 'SIGNED')),
    constraint application_repayment_setup_known check (repayment_setup in ('NONE', 'PENDING_AUTH', 'ACTIVE', 'INACTIVE')),
    constraint application_account_setup_known check (account_setup in ('NONE', 'CHECKING', 'ACTIVE')),
    -- A grant stands on a signed agreement (guards of rows 53 and 55).
    constraint application_granted_is_signed check (stage not in ('AGREED', 'GRANTING', 'GRANTED') or agreement = 'SIGNED')
) with (fillfactor = 70);

-- Operators list by LSP and stage, newest first (ids are UUIDv7, so they sort by time).
create index application_list_idx on application (org_id, stage, application_id desc);
create index application_bundle_idx on application (bundle_id);

-- Every legal change of stage; the trigger below refuses any other, whoever writes.
create table stage_change (
    from_stage text not null,
    to_stage text not null,
    primary key (from_stage, to_stage)
);

insert into stage_change (from_stage, to_stage) values
    ('RECEIVED', 'PROCESSING'),
    ('RECEIVED', 'UNDERWRITING'),
    ('RECEIVED', 'REJECTED'),
    ('RECEIVED', 'ACTION_REQUIRED'),
    ('RECEIVED', 'EXPIRED'),
    ('PROCESSING', 'RECEIVED'),
    ('PROCESSING', 'UNDERWRITING'),
    ('PROCESSING', 'EXPIRED'),
    ('UNDERWRITING', 'OFFERED'),
    ('UNDERWRITING', 'REJECTED'),
    ('UNDERWRITING', 'ACTION_REQUIRED'),
    ('UNDERWRITING', 'PROCESSING'),
    ('UNDERWRITING', 'EXPIRED'),
    ('OFFERED', 'UNDERWRITING'),
    ('OFFERED', 'OFFER_ACCEPTED'),
    ('OFFERED', 'EXPIRED'),
    ('OFFER_ACCEPTED', 'OTP_SENT'),
    ('OFFER_ACCEPTED', 'EXPIRED'),
    ('OTP_SENT', 'OFFER_ACCEPTED'),
    ('OTP_SENT', 'AGREED'),
    ('OTP_SENT', 'EXPIRED'),
    ('AGREED', 'GRANTING'),
    ('AGREED', 'EXPIRED'),
    ('GRANTING', 'GRANTED'),
    ('GRANTING', 'REJECTED'),
    ('GRANTING', 'AGREED'),
    ('ACTION_REQUIRED', 'RECEIVED'),
    ('ACTION_REQUIRED', 'PROCESSING'),
    ('ACTION_REQUIRED', 'UNDERWRITING'),
    ('ACTION_REQUIRED', 'EXPIRED'),
    ('EXPIRED', 'UNDERWRITING');

create function refuse_illegal_stage_change() returns trigger language plpgsql as $$
begin
    if old.stage <> new.stage and not exists (
        select from stage_change
        where from_stage = old.stage
        and to_stage = new.stage
    ) then
        raise exception 'application % cannot go from % to %', old.application_id, old.stage, new.stage
            using errcode = 'check_violation', constraint = 'application_stage_change_legal';
    end if;
    return new;
end
$$;

create trigger application_stage_change_legal
    before update of stage on application
    for each row execute function refuse_illegal_stage_change();

-- Append-only tables refuse update and delete, whoever writes.
create function refuse_rewrite() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;

-- What happened to an application, in words without personal data.
create table event (
    event_id bigint generated always as identity primary key,
    application_id uuid not null references application,
    revision bigint not null,
    what text not null,
    happened_at timestamptz not null
);

create index event_application_idx on event (application_id, event_id);
create trigger event_append_only before update or delete on event for each row execute function refuse_rewrite();

-- Ids by which later requests find an application: consent handles, plans, OTP sessions, loans, payments.
create table reference (
    org_id text not null references lsp,
    kind text not null,
    value text not null,
    application_id uuid not null references application,
    created_at timestamptz not null,
    primary key (org_id, kind, value, application_id),
    constraint reference_kind_known check (kind in ('CONSENT', 'AGGREGATION', 'PLAN', 'OTP_SESSION', 'LOAN', 'PAYMENT'))
);

-- The ids of one application, by kind.
create index reference_application_idx on reference (application_id, kind);

-- Exposure is counted lender-wide per borrower; the row is what concurrent decisions lock.
create table borrower (
    borrower_index bytea primary key,
    created_at timestamptz not null
);

-- What one application counts against its borrower, in paise: reserved from the accepted offer, then granted.
create table exposure (
    application_id uuid primary key references application,
    borrower_index bytea not null references borrower,
    amount bigint not null,
    granted boolean not null,
    constraint exposure_amount_positive check (amount > 0)
);

create index exposure_borrower_idx on exposure (borrower_index);
