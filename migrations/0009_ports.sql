-- Questions that wait for an operator: few, and looked at by themselves.
create index ask_stuck_idx on ask (ask_id) where state = 'STUCK';
