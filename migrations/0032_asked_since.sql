-- When the tries of a question began that it is in: at its first call, and anew when a person has it asked again. Empty
-- while nothing was called, however long the question has waited for that.
alter table ask add column asked_since timestamptz;
-- Money that may have left already is asked about no longer for this change.
update ask set asked_since = created_at where state = 'SENDING';
