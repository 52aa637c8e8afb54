"""Causes: what is complete, what waits, what never fits."""

from reader.core import Bad, need, canonical
from reader.events import Event


class Log:
    """Events with their causes checked; runs whose causes have not come wait."""

    def __init__(self):
        self.chains, self.keys, self.waiting, self.taken = {}, {}, [], []

    def at(self, chain, seq):
        events = self.chains.get(chain, [])
        return events[seq] if seq < len(events) else None

    def key(self, chain):
        return self.keys.get(chain)

    def offer(self, run, record=None):
        """Takes a run in; gives what leaves with it in canonical order."""
        self.keys.setdefault(run.chain, run.key)
        for event in run.events:
            here = self.at(run.chain, event.seq)
            need(here is None or here.id == event.id, "fork")
        first = run.events[0]
        before = self.at(run.chain, first.seq - 1) if first.seq else None
        need(before is None or before.id == first.prev, "fork")
        self.waiting.append((record, run))
        return self.release()

    def release(self):
        """The greatest set of waiting runs in which every cause is stored or in the set."""
        inside = list(self.waiting)
        while True:
            place = {(run.chain, e.seq): e for _, run in inside for e in run.events}
            find = lambda chain, seq: self.at(chain, seq) or place.get((chain, seq))
            whole = [item for item in inside if self.is_complete(item, find)]
            if len(whole) == len(inside):
                break
            inside = whole
        new = {(e.chain, e.seq): e for _, run in inside for e in run.events}
        leaving = sorted(new.values(), key=Event.order)
        leaving = [event for event in leaving if self.at(event.chain, event.seq) is None]
        for event in leaving:
            self.chains.setdefault(event.chain, []).append(event)
        self.waiting = [item for item in self.waiting if item not in inside]
        self.taken.extend(leaving)
        return leaving

    @staticmethod
    def is_complete(item, find):
        record, run = item
        for event in run.events:
            latest, complete = 0, True
            causes = [(event.chain, event.seq - 1, event.prev)] if event.seq else []
            for chain, seq, name in causes + event.deps:
                cause = find(chain, seq)
                if cause is None:
                    complete = False
                    continue
                if cause.id != name:
                    raise Bad("dep", record)
                latest = max(latest, cause.lamport)
            if not complete:
                return False
            if event.lamport != latest + 1:
                raise Bad("lamport", record)
        return True

    def tips(self):
        return [(chain, len(e) - 1, e[-1].id) for chain, e in self.chains.items()]
