-- What every request pays for and nobody gains from.

-- Each row of a request checked its LSP against that LSP's one row, and locked that row to do so: under load all
-- transactions queued up at it and left a multixact each. The name comes from the key that the request was verified
-- with, so it is there; that it stays there is said once, at the LSP.
alter table application drop constraint application_org_id_fkey;
alter table reference drop constraint reference_org_id_fkey;
alter table exchange drop constraint exchange_org_id_fkey;
alter table ask drop constraint ask_org_id_fkey;
alter table stream drop constraint stream_org_id_fkey;
alter table callback drop constraint callback_org_id_fkey;

create function refuse_lsp_removal() returns trigger language plpgsql as $$
begin
    raise exception 'LSP % stays: applications and messages name it', old.org_id using errcode = 'restrict_violation';
end
$$;

create trigger lsp_stays before delete on lsp for each row execute function refuse_lsp_removal();
create trigger lsp_keeps_its_id
    before update of org_id on lsp
    for each row when (old.org_id <> new.org_id) execute function refuse_lsp_removal();

-- What a request writes names rows that the same statement writes, or that its transaction has locked: an event its
-- application, a callback its stream. Checking that again, row by row, cost a third of the whole statement. None of the
-- rows named is ever deleted, whoever asks.
alter table event drop constraint event_application_id_fkey;
alter table exchange_application drop constraint exchange_application_application_id_fkey;
alter table exchange_application drop constraint exchange_application_exchange_id_fkey;
alter table exchange_answer drop constraint exchange_answer_exchange_id_fkey;
alter table ask drop constraint ask_application_id_fkey;
alter table ask drop constraint ask_exchange_id_fkey;
alter table callback drop constraint callback_stream_id_fkey;
alter table callback drop constraint callback_exchange_id_fkey;

create function refuse_removal() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % stay: other rows name them', tg_table_name using errcode = 'restrict_violation';
end
$$;

create trigger application_stays before delete on application for each row execute function refuse_removal();
create trigger exchange_stays before delete on exchange for each row execute function refuse_removal();
create trigger stream_stays before delete on stream for each row execute function refuse_removal();

-- Sealed columns are compressed before they are sealed and look random: Postgres need not try again.
alter table application alter column state set storage external;
alter table message alter column body set storage external;
alter table exchange_answer alter column answer set storage external;
alter table ask alter column detail set storage external;
alter table callback alter column body set storage external;
alter table attempt alter column answer set storage external;
