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
    # marks, and questions over many mailboxes
    """
    alter table message rename to message_1;
    create table message (
        mailbox text not null,
        domain text not null,
        recipient text not null,
        received text not null,
        starred integer not null,
        saved_by text,
        hidden integer not null,  -- in the folder spam or trash
        read integer not null,  -- 0 also where that was never said
        octets integer not null,
        id text not null,
        attachments text,  -- their MD5, a JSON list; null where there is none
        subject text not null,  -- this and the next two as `index.folded` makes them
        senders text not null,
        recipients text not null,
        json text not null  -- last: a long one goes to overflow pages, which the other columns then need not read
    );
    insert into message select
        mailbox,
        json_extract(json, '$.domain'),
        recipient,
        received,
        starred,
        json_extract(json, '$.savedBy'),
        json_extract(json, '$.folder') in ('spam', 'trash'),
        json_extract(json, '$.read') is 1,
        octets,
        id,
        nullif(json_extract(json, '$.attachments'), '[]'),
        casefold(replace(json_extract(json, '$.subject'), char(10), ' ')),
        coalesce((
            select group_concat(casefold(replace(json_extract(value, '$.address'), char(10), ' ')), char(10))
            from json_each(message_1.json, '$.from')
        ), ''),
        coalesce((
            select group_concat(casefold(replace(json_extract(value, '$.address'), char(10), ' ')), char(10))
            from json_each(message_1.json, '$.to')
        ) || char(10), '') || casefold(mailbox) || char(10) || casefold(recipient),
        json
    from message_1 order by rowid;
    drop table message_1;

    -- as before
    create unique index message_id on message (id);
    create index message_tagged on message (mailbox, recipient, received, id, octets) where recipient <> mailbox;
    create index message_expendable on message (received, id) where starred = 0;

    -- as before, and with `hidden` the inbox of an account
    create index message_mailbox on message (mailbox, received, id, octets, hidden);

    -- with message_expendable, all mail by time; partial, because little is starred
    create index message_kept on message (received, id) where starred = 1;

    -- what a viewer of a mailbox does not see
    create index message_saved on message (mailbox, saved_by, recipient) where saved_by is not null;

    -- what an account has starred
    create index message_starred on message (saved_by, received, id, mailbox, hidden) where saved_by is not null;

    -- the mail of a domain
    create index message_domain on message (domain, received, id, hidden);

    create table attachment (
        md5 text not null,
        received text not null,
        message text not null,
        primary key (md5, received, message)
    ) without rowid;
    insert or ignore into attachment
        select value, received, message.id from message, json_each(attachments) where attachments is not null;

    alter table mailbox add column domain text not null default '';
    alter table mailbox add column octets integer not null default 0;
    alter table mailbox add column unread integer not null default 0;
    update mailbox set (domain, octets, unread) =
        (select domain, sum(octets), sum(hidden = 0 and read = 0) from message where mailbox = name);

    -- what the mailboxes of a domain hold
    create index mailbox_domain on mailbox (domain);

    alter table total add column unread integer not null default 0;
    update total set unread = (select coalesce(sum(unread), 0) from mailbox);

    create trigger message_inserted after insert on message begin
        insert or ignore into mailbox values (new.mailbox, 0, 0, new.domain, 0, 0);  -- quicker than an upsert
        update mailbox set
            messages = messages + 1,
            unstarred = unstarred + 1 - new.starred,
            octets = octets + new.octets,
            unread = unread + (new.hidden = 0 and new.read = 0)
            where name = new.mailbox;
        update total set
            messages = messages + 1,
            octets = octets + new.octets,
            unread = unread + (new.hidden = 0 and new.read = 0)
            where id = 0;
    end;

    create trigger message_deleted after delete on message begin
        insert or ignore into unlink_note values (old.id);
        update mailbox set
            messages = messages - 1,
            unstarred = unstarred - (1 - old.starred),
            octets = octets - old.octets,
            unread = unread - (old.hidden = 0 and old.read = 0)
            where name = old.mailbox;
        delete from mailbox where name = old.mailbox and messages = 0;
        update total set
            messages = messages - 1,
            octets = octets - old.octets,
            unread = unread - (old.hidden = 0 and old.read = 0)
            where id = 0;
    end;

    create trigger message_marked after update of starred, hidden, read on message begin
        update mailbox set
            unstarred = unstarred + old.starred - new.starred,
            unread = unread + (new.hidden = 0 and new.read = 0) - (old.hidden = 0 and old.read = 0)
            where name = new.mailbox;
        update total set
            unread = unread + (new.hidden = 0 and new.read = 0) - (old.hidden = 0 and old.read = 0)
            where id = 0;
    end;

    create trigger attachment_inserted after insert on message when new.attachments is not null begin
        insert or ignore into attachment select value, new.received, new.id from json_each(new.attachments);
    end;

    create trigger attachment_deleted after delete on message when old.attachments is not null begin
        delete from attachment where received = old.received and message = old.id
            and md5 in (select value from json_each(old.attachments));
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
    # mail on its way out
    """
    create table outgoing (
        id text primary key,
        message text not null,
        account text not null,
        is_first integer not null,  -- of the parts of its message
        destination text not null,
        claimable text,  -- due, or the end of a lease; null once it is closed
        sending integer not null,
        json text not null
    );

    -- claim: what is due, longest first; with the destination, to pass over those that are busy in the index
    create index outgoing_claimable on outgoing (claimable, destination) where claimable is not null;

    -- newest
    create index outgoing_account on outgoing (account, message) where is_first = 1;

    create table outgoing_data (
        message text primary key,
        data blob not null
    );

    create table outgoing_count (
        day text not null,
        sender text not null,
        recipients integer not null,
        primary key (day, sender)
    ) without rowid;

    create table suppression (
        account text not null,
        address text not null,
        until text not null,
        reply text not null,
        primary key (account, address)
    ) without rowid;
    """,
    # search: see `search_sqlite`
    """
    create table search_entry (
        number integer primary key,
        id text not null,
        received text not null,
        size integer not null,
        link integer not null,
        code integer not null,
        dead integer not null  -- its message is gone
    );
    create unique index search_entry_id on search_entry (id);
    create index search_entry_dead on search_entry (dead) where dead = 1;

    create virtual table search_text using fts5(
        subject, senders, recipients, text, files, headers, place, tokenize = 'ascii', columnsize = 0
    );

    create table search_state (
        id integer primary key check (id = 0),
        high integer not null,  -- rows above it are new, those at or below `low` were there before; others have entries
        high_id text,  -- null where `high` is 0: there is no row
        low integer not null
    );
    insert into search_state values (
        0,
        coalesce((select max(rowid) from message), 0),
        (select id from message order by rowid desc limit 1),
        coalesce((select max(rowid) from message), 0)
    );

    -- the entry goes later; `high` stays a row that is there
    create trigger message_unsearched after delete on message begin
        update search_entry set dead = 1 where id = old.id;
        update search_state set
            high = coalesce((select rowid from message where rowid < old.rowid order by rowid desc limit 1), 0),
            high_id = (select id from message where rowid < old.rowid order by rowid desc limit 1)
            where id = 0 and high = old.rowid;
    end;
    """,
)
