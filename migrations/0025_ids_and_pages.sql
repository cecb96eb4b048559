-- The LSP's own ids of payments by the borrower: it may ask with them later, and the same id is the same payment.
-- Rows from before, and those that an older version of the program writes beside this one, have none.
alter table repayment add column asked_ids text[] not null default '{}';

alter table reference drop constraint reference_kind_known;

-- The rows that are there satisfy it: the list only grows.
alter table reference add constraint reference_kind_known check (kind in (
    'CONSENT', 'AGGREGATION', 'PLAN', 'OTP_SESSION', 'LOAN', 'PAYMENT', 'REPAYMENT', 'ASKED_REPAYMENT', 'DISPUTE',
    'PHONE')) not valid;

-- Pages where borrowers follow their disputes. Such a page has no text of its own: it shows the dispute as it stands.
alter table borrower_page drop constraint borrower_page_kind_known;

alter table borrower_page add constraint borrower_page_kind_known check (kind in (
    'KFS', 'AGREEMENT', 'DISPUTE')) not valid;
