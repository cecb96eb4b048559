-- A loan that is paid off with money which is held for the borrower: nothing has to be paid for it.
alter table repayment
    drop constraint repayment_amount_positive,
    add constraint repayment_amount_not_negative check (amount >= 0) not valid;
alter table repayment validate constraint repayment_amount_not_negative;
