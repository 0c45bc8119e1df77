"""The schema of the SQLite file, step by step."""

from __future__ import annotations

from typing import Final

# Each entry takes the schema from its index to the next number (PRAGMA user_version). Never edit one that was released.
MIGRATIONS: Final = (
    """
    create table message (
        mailbox text not null,
        recipient text not null,
        received text not null,
        starred integer not null,
        octets integer not null,
        id text not null,
        json text not null  -- last: a long one goes to overflow pages, which the other columns then need not read
    );

    -- get, known, ids; makes a repeated insert harmless
    create unique index message_id on message (id);

    -- newest, maildrop, purge and the cap; with octets a POP3 login reads the index alone
    create index message_mailbox on message (mailbox, received, id, octets);

    -- the same for one +tag address; partial, because most mail has no tag and should not pay for it
    create index message_tagged on message (mailbox, recipient, received, id, octets) where recipient <> mailbox;

    -- expire, oldest: what may be forgotten, oldest first
    create index message_expendable on message (received, id) where starred = 0;

    create table mailbox (
        name text primary key,
        messages integer not null,
        unstarred integer not null
    ) without rowid;

    -- beyond_cap: the fullest mailboxes without a look at the others
    create index mailbox_unstarred on mailbox (unstarred);

    create table total (
        id integer primary key check (id = 0),
        messages integer not null,
        octets integer not null
    );
    insert into total values (0, 0, 0);

    create table unlink_note (
        id text primary key
    ) without rowid;

    create trigger message_inserted after insert on message begin
        insert into mailbox values (new.mailbox, 1, 1 - new.starred)
            on conflict (name) do update
            set messages = messages + 1, unstarred = unstarred + excluded.unstarred;
        update total set messages = messages + 1, octets = octets + new.octets where id = 0;
    end;

    create trigger message_deleted after delete on message begin
        insert or ignore into unlink_note values (old.id);
        update mailbox set messages = messages - 1, unstarred = unstarred - (1 - old.starred)
            where name = old.mailbox;
        delete from mailbox where name = old.mailbox and messages = 0;
        update total set messages = messages - 1, octets = octets - old.octets where id = 0;
    end;
    """,
    # marks, and queries over many mailboxes
    """
    alter table message add column saved_by text;
    update message set saved_by = json_extract(json, '$.savedBy') where starred = 1;

    -- what a viewer of a mailbox does not see
    create index message_saved on message (mailbox, saved_by, recipient) where saved_by is not null;

    create trigger message_starred after update of starred on message when new.starred <> old.starred begin
        update mailbox set unstarred = unstarred + old.starred - new.starred where name = new.mailbox;
    end;
    """,
    # accounts, keys, private addresses, domains
    """
    create table record (
        kind text not null,
        id text not null,
        version integer not null,
        json text not null,
        primary key (kind, id)
    ) without rowid;

    create table record_revision (
        id integer primary key check (id = 0),
        number integer not null
    );
    insert into record_revision values (0, 0);

    create trigger record_inserted after insert on record begin
        update record_revision set number = number + 1;
    end;
    create trigger record_updated after update on record begin
        update record_revision set number = number + 1;
    end;
    create trigger record_deleted after delete on record begin
        update record_revision set number = number + 1;
    end;

    create table operation_count (
        month text not null,
        account text not null,
        count integer not null,
        primary key (month, account)
    ) without rowid;
    """,
    # jobs
    """
    create table job (
        id text primary key,
        mailbox text not null,
        kind text not null,
        state text not null,
        queued text not null,
        due text not null,
        claimable text,  -- due, or the end of a lease; null once it is settled
        json text not null
    );

    -- claim: what is due, longest first; with the hook, to pass over those of a hanging endpoint in the index
    create index job_claimable on job (claimable, mailbox, kind) where claimable is not null;

    -- newest, waiting, failing_since and trim
    create index job_mailbox on job (mailbox, state, queued, id);
    """,
)
