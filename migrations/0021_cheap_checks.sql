-- The words that a column may hold, as one constant instead of a list: each statement that writes a table reads its
-- checks anew from their stored form, and that of a list is several times as long. What they allow is the same.
-- Not validated again: the rows that are there have passed the same test, and a scan of them would take long.
do $$
declare
    known record;
    words text;
begin
    for known in
        select con.conrelid::regclass as table_name, con.conname as name, pg_get_constraintdef(con.oid) as definition
        from pg_constraint con
        where con.contype = 'c'
        and con.connamespace = 'public'::regnamespace
        and con.conrelid in (
            'application'::regclass, 'callback'::regclass, 'ask'::regclass, 'exposure'::regclass, 'reference'::regclass)
        and pg_get_constraintdef(con.oid) ~ '= ANY \(ARRAY\['
        and con.conname like '%\_known'
    loop
        select string_agg(word[1], ',') into words
        from regexp_matches(known.definition, '''([A-Z_]+)''::text', 'g') as word;
        execute format('alter table %s drop constraint %I', known.table_name, known.name);
        execute format(
            'alter table %s add constraint %I check (%I = any (%L::text[])) not valid',
            known.table_name, known.name, substring(known.definition from '\(\(*([a-z_]+) = ANY'), '{' || words || '}');
    end loop;
end
$$;

alter table application drop constraint application_granted_is_signed;
alter table application add constraint application_granted_is_signed check (
    agreement = 'SIGNED' or stage <> all ('{AGREED,GRANTING,GRANTED}'::text[])) not valid;
