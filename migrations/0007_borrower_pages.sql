-- Pages that borrowers read by an unguessable link, and the key facts statements as they were sent.

create table borrower_page (
    -- Blind index of the token in the link; the token itself is derived and stored nowhere.
    token_index bytea primary key,
    kind text not null,
    application_id uuid not null references application,
    -- Proposal number of the key facts statement that the page shows, or that its agreement stands on.
    reference text not null,
    -- Of a key facts statement the bytes that were hashed, sealed; an agreement's text stands in its application.
    body bytea,
    created_at timestamptz not null,
    constraint borrower_page_kind_known check (kind in ('KFS', 'AGREEMENT')),
    constraint borrower_page_kfs_has_body check ((kind = 'KFS') = (body is not null)),
    -- A page of an agreement finds its key facts statement.
    constraint borrower_page_reference_key unique (kind, reference)
);

-- What was sent stays as it was sent.
create trigger borrower_page_append_only
    before update or delete on borrower_page
    for each row execute function refuse_rewrite();

-- An application whose accepted key facts statement ran out before the agreement was signed may be offered anew.
insert into stage_change (from_stage, to_stage) values
    ('OFFER_ACCEPTED', 'UNDERWRITING'),
    ('OTP_SENT', 'UNDERWRITING');
