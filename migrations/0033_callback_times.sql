-- no-transaction
-- Where "send everything again since" begins. Rows lie nearly in the order of their times, so that a summary of each
-- stretch is enough, and costs the next to nothing at each delivery that an entry per row would not.
create index concurrently callback_times_idx on callback using brin (created_at, delivered_at) with (autosummarize = on);
