"""How many hosts run the domains of one application: who has which, and what goes between them. Without I/O.

`member.Member` is one host's part: events in, actions out. It reads no clock, knows no network, and starts no thread.
Whoever drives it carries the actions out and tells what came of them (`events.py`): a simulated world, or a network.

What holds, whatever is lost, late or doubled, and whoever crashes, pauses or is cut off:

1. A domain has one owner in an epoch. An epoch begins when its owner opens the domain's log, and that succeeds only
   for one epoch after the newest one. The log takes commits of its newest epoch alone.
2. Nothing that follows from a commit leaves a host before the log has it.
3. A host takes a domain over only from an owner that put it down (HandedOver), or whose lease has ended: the registry
   was asked who is alive after the log was asked who the owner is.
4. A host lets nothing leave once its lease may have ended elsewhere. It counts its lease from the moment at which it
   asked for it, by a clock that never goes back, and gives it up a margin before its end. So what was read in one epoch
   is not overtaken by what is written in the next one, though a read commits nothing.
5. What one domain sends to another is kept in its outbox, which is durable, until the other has it durably; it is
   numbered, and taken once, in order (rule 12). The messages between hosts need no guarantee at all.
6. A message from outside is taken once, for an epoch and for a number that is never used again. Whether it was is told
   honestly: an answer; not taken, and then it is taken elsewhere; or nobody knows.

By 1, two owners can do no harm to what is stored; by 3 and 4 they can do none to what is read.
"""
