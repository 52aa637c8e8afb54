//! A member gone bad that sends more runs that wait than any home may hold.

use mirror_domain::NOTE_ADD;
use mirror_protocol::event::Dep;
use mirror_protocol::limits::{MAX_BODY_BYTES, MAX_PENDING_BYTES};
use mirror_protocol::run::{WireEvent, is_span_end};
use mirror_protocol::{ChainId, Event, EventId, Header, Lamport, Run, SignedHead, Tip};

use crate::coverage::Fault;
use crate::shell::Entry;
use crate::wire::{Purpose, Quality};
use crate::world::{Failure, World};

impl World {
    /// The last thing that happens in some worlds: it costs too much to go on with.
    pub fn flood(&mut self) -> Result<(), Failure> {
        let count = self.homes.len();
        let bad = (0..count).find(|n| !self.homes[*n].honest && self.homes[*n].joined);
        let Some(bad) = bad.filter(|bad| self.homes[*bad].shell.state().own_tip().is_some()) else {
            return Ok(());
        };
        let answers = |n: &usize| self.homes[*n].honest && self.answers(*n, bad).is_ok();
        let Some(victim) = (0..count).find(answers) else { return Ok(()) };
        self.step += 1;
        let runs = self.waiting_runs(bad);
        self.note(|| format!("home {bad} floods home {victim} with {} runs", runs.len()));
        let written = self.homes[bad].shell.commit(&[Entry::Runs(runs)]);
        written.map_err(|_| self.failure("a crash without a cause".to_owned()))?;
        let quality = Quality { tampered: false, latency: 0 };
        let wire = self.connect([bad, victim], Purpose::Reconcile, quality)?;
        self.run_to_end(wire)?;
        let held: usize = self.homes[victim].shell.waiting_bytes();
        self.note(|| format!("home {victim} holds {held} bytes that wait"));
        if held > MAX_PENDING_BYTES {
            return Err(self.failure(format!("home {victim} keeps {held} bytes that wait")));
        }
        if held > MAX_PENDING_BYTES / 10 * 9 {
            self.coverage.hit(Fault::Flood);
        }
        Ok(())
    }

    /// More than may wait, behind a cause that does not exist.
    fn waiting_runs(&mut self, bad: usize) -> Vec<Run> {
        let shell = &self.homes[bad].shell;
        let first = shell.seal(NOTE_ADD, vec![0; MAX_BODY_BYTES], self.wall(bad), |header| {
            header.deps = vec![Dep { chain: ChainId([1; 32]), seq: 1, id: EventId([1; 32]) }];
        });
        let (mut runs, mut events, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut event = first;
        while bytes < MAX_PENDING_BYTES + MAX_PENDING_BYTES / 8 {
            let Header { seq, lamport, .. } = event.header;
            let tip = Tip { chain: event.chain(), seq, id: event.id };
            let header = Header {
                seq: seq + 1,
                prev: Some(event.id),
                deps: vec![],
                lamport: Lamport(lamport.0 + 1),
                ..event.header.clone()
            };
            let next = Event::new(header, vec![0; MAX_BODY_BYTES]).expect("within limits");
            let Event { bytes: header, body, .. } = std::mem::replace(&mut event, next);
            bytes += MAX_BODY_BYTES;
            events.push(WireEvent { header, body });
            if is_span_end(seq) || events.len() == 16 {
                let head = SignedHead::sign(tip, &shell.keys.incarnation);
                runs.push(Run { events: std::mem::take(&mut events), head });
            }
        }
        runs
    }
}
