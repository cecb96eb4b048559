-- What must be kept after all, since retention began to look through a month: an application that came back from its end,
-- or that a legal hold was placed on. Looking takes minutes, and a month goes as a whole. Emptied before each look.
create table kept_again (
    application_id uuid not null
);

-- Who lets data go holds the same lock alone: what is kept again is seen by him, or waits until he is done.
create function note_kept_again(application uuid) returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(7001200013);
    insert into kept_again (application_id) values (application);
end
$$;

create or replace function note_application_ended() returns trigger language plpgsql as $$
begin
    if new.stage in ('REJECTED', 'EXPIRED') then
        insert into ended_application (application_id, class, ended_on)
        values (new.application_id, 'REFUSED', lender_day(new.updated_at))
        on conflict (application_id) do update set class = excluded.class, ended_on = excluded.ended_on;
    else
        -- Offered anew.
        delete from ended_application where application_id = new.application_id and class = 'REFUSED';
        perform note_kept_again(new.application_id);
    end if;
    return null;
end
$$;

create or replace function note_loan_ended() returns trigger language plpgsql as $$
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
        perform note_kept_again(new.application_id);
    end if;
    return null;
end
$$;

create function note_held() returns trigger language plpgsql as $$
begin
    perform note_kept_again(new.application_id);
    return null;
end
$$;

create trigger legal_hold_noted after insert on legal_hold for each row execute function note_held();
