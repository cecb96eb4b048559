-- Keys that change, and data that ends: rotation of sealing keys, retention, legal holds, erasure.

-- When a data key begins to seal. A new one waits a little, so that every replica can open what any other seals.
alter table seal_key add column active_at timestamptz not null default now();

-- What blind indexes and one-time passwords are derived from, wrapped by the master key. Without a row the master key
-- is the first one, and they are derived from it; a later master key takes them over, or every index would change.
create table seal_root (
    only_one boolean primary key default true,
    wrapped bytea not null,
    created_at timestamptz not null,
    constraint seal_root_only_one check (only_one)
);

-- Applications that have ended, kept by triggers whoever writes: the work list of retention. A loan that was written off
-- has not ended: money may still come in.
create table ended_application (
    application_id uuid primary key references application,
    -- REFUSED: no loan came of it. CLOSED: its loan is closed or was withdrawn.
    class text not null,
    -- The lender's day.
    ended_on date not null,
    -- Its request ids are forgotten.
    keys_pruned_at timestamptz,
    -- Its documents name nobody any more; messages about it follow, once those they share are so far, too.
    erasing_at timestamptz,
    -- Everything of it is erased.
    erased_at timestamptz,
    constraint ended_application_class_known check (class in ('REFUSED', 'CLOSED'))
);

-- Each pass takes what ended first.
create index ended_application_keys_idx on ended_application (class, ended_on) where keys_pruned_at is null;
create index ended_application_erase_idx on ended_application (class, ended_on) where erased_at is null;

-- A day of the lender's (Asia/Kolkata).
create function lender_day(at timestamptz) returns date language sql stable as $$
    select (at at time zone 'Asia/Kolkata')::date
$$;

create function note_application_ended() returns trigger language plpgsql as $$
begin
    if new.stage in ('REJECTED', 'EXPIRED') then
        insert into ended_application (application_id, class, ended_on)
        values (new.application_id, 'REFUSED', lender_day(new.updated_at))
        on conflict (application_id) do update set class = excluded.class, ended_on = excluded.ended_on;
    else
        -- Offered anew.
        delete from ended_application where application_id = new.application_id and class = 'REFUSED';
    end if;
    return null;
end
$$;

-- Costs nothing until an application ends or comes back.
create trigger application_ended_noted
    after update of stage on application
    for each row when (old.stage <> new.stage and (new.stage in ('REJECTED', 'EXPIRED') or old.stage in ('REJECTED', 'EXPIRED')))
    execute function note_application_ended();

-- Some are declined as they are filed.
create trigger application_filed_ended_noted
    after insert on application
    for each row when (new.stage in ('REJECTED', 'EXPIRED'))
    execute function note_application_ended();

create function note_loan_ended() returns trigger language plpgsql as $$
begin
    if new.status in ('CLOSED', 'WITHDRAWN') then
        insert into ended_application (application_id, class, ended_on)
        select new.application_id, 'CLOSED', coalesce(new.closed_on, greatest(lender_day(now()), lender_day(updated_at)))
        from application
        where application_id = new.application_id
        on conflict (application_id) do update set class = excluded.class, ended_on = excluded.ended_on;
    else
        -- A payment came back after the loan was closed.
        delete from ended_application where application_id = new.application_id;
    end if;
    return null;
end
$$;

create trigger loan_ended_noted
    after update of status on loan
    for each row when (old.status <> new.status and (new.status in ('CLOSED', 'WITHDRAWN') or old.status in ('CLOSED', 'WITHDRAWN')))
    execute function note_loan_ended();

-- What had ended before.
insert into ended_application (application_id, class, ended_on)
select application_id, 'REFUSED', lender_day(updated_at)
from application
where stage in ('REJECTED', 'EXPIRED');
insert into ended_application (application_id, class, ended_on)
select application_id, 'CLOSED', coalesce(closed_on, lender_day(application.updated_at))
from loan
join application using (application_id)
where status in ('CLOSED', 'WITHDRAWN')
on conflict do nothing;

-- While a row stands here nothing of the application is erased or pruned, whatever the policy says.
create table legal_hold (
    application_id uuid primary key references application,
    -- Why, sealed: it may name people.
    reason bytea not null,
    placed_at timestamptz not null
);

-- Proof of what was deleted, when and why: never changed, and without anything by which a person can be known.
create table erasure (
    erasure_id bigint generated always as identity primary key,
    -- Absent where whole months or many applications went at once.
    application_id uuid references application,
    -- Which kind of data, e.g. APPLICATION, MESSAGE, CALLBACK, or the name of a dropped partition.
    what text not null,
    -- The rule that ended it, e.g. retention.closedDays = 2920.
    why text not null,
    -- How many values went.
    values_erased bigint not null,
    -- SHA-256 over the SHA-256 of each sealed value, in the order of their ids: which bytes they were.
    digest bytea,
    erased_at timestamptz not null
);

create index erasure_application_idx on erasure (application_id) where application_id is not null;
create trigger erasure_append_only before update or delete on erasure for each row execute function refuse_rewrite();

-- A callback whose body was erased is never sent again.
alter table callback add column erased_at timestamptz;

-- Rows that are written once may be sealed anew with another key or freed of personal data, by a transaction that says
-- so and touches nothing but the sealed column.
create function is_keeping() returns boolean language sql stable as $$
    select coalesce(current_setting('ocen_lender.keeping', true), '') = 'on'
$$;

create or replace function refuse_rewrite() returns trigger language plpgsql as $$
declare
    sealed text := case tg_table_name when 'borrower_page' then 'body'
        when 'loan_fact' then 'fact'
        when 'referral_act' then 'proposal' end;
begin
    if tg_op = 'UPDATE' and sealed is not null and is_keeping()
        and to_jsonb(old) - sealed = to_jsonb(new) - sealed then
        return new;
    end if;
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;

create or replace function refuse_second_decision() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and is_keeping() and to_jsonb(old) - 'act' = to_jsonb(new) - 'act' then
        return new;
    end if;
    if tg_op = 'DELETE' or old.state <> 'PROPOSED' or new.act <> old.act or new.maker <> old.maker then
        raise exception 'act % is decided once and kept as it was proposed', old.act_id
            using errcode = 'restrict_violation', constraint = 'operator_act_decided_once';
    end if;
    return new;
end
$$;

create or replace function refuse_second_verdict() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and is_keeping()
        and to_jsonb(old) - 'reasons' - 'proposal' = to_jsonb(new) - 'reasons' - 'proposal' then
        return new;
    end if;
    if tg_op = 'DELETE' or old.state in ('APPROVED', 'REJECTED', 'STALE') then
        raise exception 'decision % is decided once and kept', old.referral_id
            using errcode = 'restrict_violation', constraint = 'referral_decided_once';
    end if;
    return new;
end
$$;
