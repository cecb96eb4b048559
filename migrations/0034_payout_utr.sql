-- no-transaction
-- Whether a bank reference stands under another payout, asked when an operator resolves one.
create index concurrently payout_utr_idx on payout (utr) where state = 'PAID';
