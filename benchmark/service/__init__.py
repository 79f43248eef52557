"""`bench serve`: jobs over HTTP, each of them a real `bench run` in a process of its own.

::

    app        routes, errors            guard      what a suite from the network may name
    security   hosts, tokens, rates      requests   from a request to a checked suite
    jobs       the table of jobs         queue      who runs which job: leases, fences, slots
    events     a job's events            stream     many readers of them (SSE)
    worker     starts and watches        child      the processes: locks, environment
    tail       what they write           ending     what their end means

The process of a job is `cli.serve_job`; what a run says of itself, `cli.events` writes down.

**The queue** is one table and two statements (`queue.claim`, `queue.take_over`), after a look at
what is kept. State must live in SQLite and in PostgreSQL, `kill -9` must lose nothing, and a
job is a process that outlives the server that started it. huey 3.5 has both databases, but takes
a task out of its table before it runs: what was running at a `kill -9` is gone; and it pickles.
DBOS 3.4 has both, too, and durable workflows, but gives those of a dead server only to a server
of the same name and calls their functions again: that the process of the first call may still be
running would be ours to find out, with leases, fences and locks, that is, all that is here but the
two statements. procrastinate and PgQueuer know PostgreSQL alone, rq and dramatiq want Redis or
RabbitMQ, APScheduler 3 must not share its store between processes (4 is a pre-release), and
Ray Jobs forget their jobs with their head node unless Redis keeps them. So SQLAlchemy is what we
stand on, and the rest is ours, tested by killing.

**No job is run twice at once**, by three things of which each would do on its own machine: a job
is claimed in one transaction that also raises its fence; whoever watches it writes only under
that fence; and its process holds a lock on the job's folder from its first moment to its last,
which the kernel lets go of however it ends.
"""
