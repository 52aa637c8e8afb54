"""Causes: what is complete, what waits, what never fits."""

from reader.core import Bad
from reader.events import Event


class Log:
    """Events by their places, with their causes checked; runs whose causes have not come wait."""

    def __init__(self):
        self.events, self.keys, self.waiting, self.taken, self.blobs = {}, {}, [], [], []

    def key(self, chain):
        return self.keys.get(chain)

    def offer(self, run, record=None):
        """Takes a run in; gives what leaves with it in canonical order."""
        self.keys.setdefault(run.chain, run.key)
        self.waiting.append((record, run))
        return self.release()

    def release(self):
        """The greatest set of waiting runs in which every cause is stored or in the set."""
        inside = list(self.waiting)
        while True:
            place = {e.place(): e for _, run in inside for e in run.events}
            find = lambda cause: self.events.get(cause) or place.get(cause)
            whole = [item for item in inside if self.is_complete(item, find)]
            if len(whole) == len(inside):
                break
            inside = whole
        new = {e.place(): e for _, run in inside for e in run.events}
        leaving = sorted(new.values(), key=Event.order)
        leaving = [event for event in leaving if event.place() not in self.events]
        self.events.update((event.place(), event) for event in leaving)
        self.waiting = [item for item in self.waiting if item not in inside]
        self.taken.extend(leaving)
        return leaving

    @staticmethod
    def is_complete(item, find):
        record, run = item
        for event in run.events:
            latest, complete = 0, True
            causes = [(event.chain, event.seq - 1, event.prev)] if event.seq else []
            for place in causes + event.deps:
                cause = find(tuple(place))
                if cause is None:
                    complete = False
                    continue
                latest = max(latest, cause.lamport)
            if not complete:
                return False
            if event.lamport != latest + 1:
                raise Bad("lamport", record)
        return True

    def chains(self):
        return {chain for chain, _, _ in self.events}

    def tips(self):
        """The newest event of each branch."""
        passed = {event.prev for event in self.events.values()}
        return [place for place in self.events if place[2] not in passed]
