use super::*;
use crate::body::{DeviceRevoke, NoteAdd, NoteForget};
use mirror_protocol::memory::MemoryLog;
use mirror_protocol::{
    BodyHash, ChainOpen, EventId, Header, Lamport, Point, PublicKey, SigningKey, WallTime,
};
use proptest::prelude::*;

const AT: WallTime = WallTime { unix_ms: 0, offset_min: 0 };

/// No event is here.
fn nothing() -> MemoryLog {
    MemoryLog::default()
}

/// A world without forks, in which everything is here: each position of a chain has one event.
struct Straight(BTreeMap<(ChainId, u64), EventId>);

impl Straight {
    fn of(events: &[(DeviceId, Event, Body)]) -> Self {
        let places = events.iter().map(|(_, event, _)| event.tip());
        Self(places.map(|tip| ((tip.chain, tip.seq), tip.id)).collect())
    }
}

impl Known for Straight {
    fn tips(&self, _: &ChainId) -> Vec<Point> {
        vec![]
    }

    fn point(&self, event: &Tip) -> Option<Point> {
        Some(Point { seq: event.seq, id: event.id, lamport: Lamport(0) })
    }

    fn ancestor(&self, event: &Tip, seq: u64) -> Option<Point> {
        let id = self.0.get(&(event.chain, seq)).copied().unwrap_or(EventId([0; 32]));
        self.point(&Tip { seq, id, ..*event })
    }

    fn key(&self, _: &ChainId) -> Option<PublicKey> {
        None
    }
}

fn fold(mesh: MeshId, events: &[(DeviceId, Event, Body)]) -> Membership {
    Membership::fold(mesh, events, &Straight::of(events))
}

fn place(chain: u8, seq: u64) -> Tip {
    Tip { chain: ChainId([chain; 32]), seq, id: EventId([0; 32]) }
}

fn device(n: u8) -> DeviceId {
    DeviceId(mirror_protocol::public_key(&SigningKey::from_bytes(&[n; 32])).0)
}

fn founding() -> (MeshId, (DeviceId, Event, Body)) {
    let key = |n| SigningKey::from_bytes(&[n; 32]);
    let open = ChainOpen::found(&key(1), &key(101), [0; 32], [0; 32]);
    let event = open.first_event(AT).unwrap();
    (open.mesh, (open.device, event, Body::ChainOpen(open)))
}

fn said(author: u8, seq: u64, body: Body) -> (DeviceId, Event, Body) {
    let header = Header {
        chain: Some(ChainId([author; 32])),
        seq,
        prev: Some(EventId([0; 32])),
        deps: vec![],
        // Two events may share a Lamport time, never a position.
        lamport: Lamport(seq / 2 + 2),
        at: AT,
        kind: body.kind().unwrap().into(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    (device(author), Event::new(header, body.encode()).unwrap(), body)
}

fn admit(author: u8, seq: u64, who: u8, role: Role) -> (DeviceId, Event, Body) {
    let body = DeviceAdmit { device: device(who), name: format!("device {who}"), role };
    said(author, seq, Body::DeviceAdmit(body))
}

fn revoke(author: u8, seq: u64, who: u8) -> (DeviceId, Event, Body) {
    revoke_from(author, seq, who, 9)
}

fn revoke_from(author: u8, seq: u64, who: u8, cut: u64) -> (DeviceId, Event, Body) {
    let mut heads = vec![Tip { chain: ChainId([who; 32]), seq: cut, id: EventId([9; 32]) }];
    if who == 1 {
        // The founding chain, in which nothing else stands here.
        heads.push(founding().1.1.tip());
    }
    said(author, seq, Body::DeviceRevoke(DeviceRevoke { device: device(who), heads }))
}

fn opened(who: u8) -> (DeviceId, Event, Body) {
    let (mesh, _) = founding();
    let key = |n| SigningKey::from_bytes(&[n; 32]);
    let open = ChainOpen::new(mesh, &key(who), &key(100 + who), [0; 32], [0; 32]);
    (device(who), open.first_event(AT).unwrap(), Body::ChainOpen(open))
}

/// Somebody's revision, in the chain that [`opened`] begins.
fn revision_of(who: u8, seq: u64) -> Tip {
    Tip { chain: opened(who).1.chain(), seq, id: EventId([who; 32]) }
}

fn forget(author: u8, seq: u64, targets: Vec<Tip>) -> (DeviceId, Event, Body) {
    let body = NoteForget { note: EventId([7; 32]), targets, reason: "why".into() };
    said(author, seq, Body::NoteForget(body))
}

#[test]
fn a_device_forgets_its_own_and_an_anchor_anything() {
    let (mesh, founder) = founding();
    let both = vec![revision_of(2, 5), revision_of(3, 5)];
    let members =
        [founder, admit(1, 2, 2, Role::Capture), admit(1, 3, 3, Role::Node), opened(2), opened(3)];
    let with = |forget| [members.as_slice(), &[forget]].concat();
    let forgotten = |events: &[_]| Membership::fold(mesh, events, &nothing()).forgotten().clone();

    assert_eq!(forgotten(&with(forget(2, 6, both.clone()))), BTreeSet::from([both[0]]));
    assert_eq!(forgotten(&with(forget(1, 6, both.clone()))), both.iter().copied().collect());
    // Before it was admitted, and as a stranger, nobody has a say.
    assert_eq!(forgotten(&with(forget(2, 1, both.clone()))), BTreeSet::new());
    assert_eq!(forgotten(&with(forget(4, 6, both))), BTreeSet::new());
}

/// The place is a part of what is named: nobody forgets another's event by saying that it stands in a chain of one's own.
#[test]
fn a_false_place_forgets_nothing() {
    let (mesh, founder) = founding();
    let note = said(
        3,
        5,
        Body::NoteAdd(NoteAdd { text: "another's".into(), tags: vec![], attachments: vec![] }),
    );
    let claimed = Tip { chain: opened(2).1.chain(), ..note.1.tip() };
    let events = [
        founder,
        admit(1, 2, 2, Role::Capture),
        admit(1, 3, 3, Role::Node),
        opened(2),
        forget(2, 9, vec![claimed]),
    ];
    assert!(!Membership::fold(mesh, &events, &nothing()).forgets(&note.1));
    let events = [events.as_slice(), &[forget(1, 10, vec![note.1.tip()])]].concat();
    assert!(Membership::fold(mesh, &events, &nothing()).forgets(&note.1));
}

/// An anchor that is gone by then has no say, wherever its word comes in.
#[test]
fn what_a_thief_forgets_beyond_the_cut_is_not_forgotten() {
    let (mesh, founder) = founding();
    let anchor = [founder, admit(1, 2, 2, Role::Anchor), opened(2), opened(3)];
    let thief = forget(2, 10, vec![revision_of(2, 5), revision_of(3, 5)]);
    let before = [anchor.as_slice(), &[thief]].concat();
    assert_eq!(Membership::fold(mesh, &before, &nothing()).forgotten().len(), 2);
    let after = [before.as_slice(), &[revoke(1, 80, 2)]].concat();
    assert!(Membership::fold(mesh, &after, &nothing()).forgotten().is_empty());
}

#[test]
fn what_decides_who_belongs_cannot_be_forgotten() {
    let (mesh, founder) = founding();
    let admission = admit(1, 2, 2, Role::Node);
    let forgetting = forget(1, 6, vec![founder.1.tip(), admission.1.tip()]);
    let again = forget(1, 8, vec![forgetting.1.tip()]);
    let events = [founder, admission, forgetting, again];
    let members = Membership::fold(mesh, &events, &nothing());
    assert!(members.active(&device(2)).is_some());
    assert!(events.iter().all(|(_, event, _)| !members.forgets(event)));
}

#[test]
fn only_an_anchor_admits() {
    let (mesh, founder) = founding();
    let events = [founder, admit(1, 2, 2, Role::Capture), admit(2, 3, 3, Role::Node)];
    let members = fold(mesh, &events);
    assert!(members.active(&device(2)).is_some());
    assert_eq!(members.member(&device(3)), None);
    let stranger = members.counts(&device(3), &place(3, 0), &Straight::of(&events));
    assert!(matches!(stranger, Err(NotMember::Stranger { .. })));
}

#[test]
fn a_revoked_device_keeps_what_it_wrote_before_the_cut() {
    let (mesh, founder) = founding();
    let events = [founder, admit(1, 2, 2, Role::Node), revoke(1, 12, 2)];
    let members = fold(mesh, &events);
    assert_eq!(members.counts(&device(2), &place(2, 9), &Straight::of(&events)), Ok(()));
    assert!(members.counts(&device(2), &place(2, 10), &Straight::of(&events)).is_err());
}

/// A thief who writes another branch below the cut gains nothing.
#[test]
fn only_the_branch_that_the_cut_names_counts() {
    let key = |n| SigningKey::from_bytes(&[n; 32]);
    let (mesh, founder) = founding();
    let open = ChainOpen::new(mesh, &key(2), &key(102), [0; 32], [0; 32]);
    let mut log = MemoryLog::default();
    let chain = log.open(&open, AT, &key(102)).unwrap();
    let add = |log: &mut MemoryLog, text: &[u8]| {
        log.append(chain, "note.add", text.to_vec(), AT, &key(102)).unwrap().unwrap().tip()
    };
    let shared = add(&mut log, b"both");
    let mut stolen = log.clone();
    let right = [add(&mut log, b"right"), add(&mut log, b"right again")];
    let wrong = add(&mut stolen, b"wrong");
    for run in stolen.runs(&stolen.all()) {
        let mut run = run.verify(None).unwrap();
        run.events.drain(..2);
        log.store(&[run]);
    }
    let heads = vec![right[1]];
    let revoke = said(1, 12, Body::DeviceRevoke(DeviceRevoke { device: device(2), heads }));
    let members = Membership::fold(mesh, &[founder, admit(1, 2, 2, Role::Node), revoke], &log);
    for counts in [shared, right[0], right[1]] {
        assert_eq!(members.counts(&device(2), &counts, &log), Ok(()));
    }
    assert!(wrong.seq < right[1].seq);
    assert!(members.counts(&device(2), &wrong, &log).is_err());
}

#[test]
fn nothing_lifts_a_revocation() {
    let (mesh, founder) = founding();
    let events =
        [founder, admit(1, 2, 2, Role::Node), revoke(1, 3, 2), admit(1, 4, 2, Role::Anchor)];
    let members = fold(mesh, &events);
    assert_eq!(members.active(&device(2)), None);
}

#[test]
fn what_an_anchor_says_beyond_its_cut_never_counted() {
    let (mesh, founder) = founding();
    let honest =
        [founder, admit(1, 2, 2, Role::Anchor), admit(1, 3, 3, Role::Node), revoke(1, 80, 2)];
    let members = fold(mesh, &honest);
    // A stolen anchor takes nothing new in, so its clock stays low: all this stands before its revocation.
    let stolen = [admit(2, 10, 4, Role::Anchor), revoke(2, 11, 3), revoke(4, 12, 3)];
    let events = [honest.as_slice(), &stolen].concat();
    assert_eq!(fold(mesh, &events), members);
    assert!(members.active(&device(3)).is_some());
}

#[test]
fn a_revocation_wins_over_an_admission_wherever_they_stand() {
    let (mesh, founder) = founding();
    let events =
        [founder, admit(1, 2, 2, Role::Anchor), revoke(1, 4, 3), admit(2, 6, 3, Role::Node)];
    let members = fold(mesh, &events);
    assert!(members.member(&device(3)).is_some());
    assert_eq!(members.active(&device(3)), None);
}

#[test]
fn a_device_may_revoke_itself() {
    let (mesh, founder) = founding();
    let events = [founder, admit(1, 2, 2, Role::Anchor), revoke(2, 10, 2)];
    assert_eq!(fold(mesh, &events).active(&device(2)), None);
}

#[test]
fn of_two_revocations_the_strictest_counts() {
    let (mesh, founder) = founding();
    let anchors = [founder, admit(1, 2, 2, Role::Node), admit(1, 3, 3, Role::Anchor)];
    let events = [anchors.as_slice(), &[revoke(1, 20, 2), revoke_from(3, 20, 2, 4)]].concat();
    let members = fold(mesh, &events);
    assert_eq!(members.counts(&device(2), &place(2, 4), &Straight::of(&events)), Ok(()));
    assert!(members.counts(&device(2), &place(2, 5), &Straight::of(&events)).is_err());
}

#[test]
fn the_founder_is_made_an_anchor_once() {
    let (mesh, founder) = founding();
    let (author, _, body) = founder.clone();
    let Body::ChainOpen(open) = &body else { panic!("no first event") };
    let later = WallTime { unix_ms: 1, ..AT };
    let header = ChainOpen::header(vec![], Lamport(9), later);
    let again = (author, Event::new(header, open.encode()).unwrap(), body.clone());
    let role = admit(1, 2, 1, Role::Node);
    let members = fold(mesh, &[founder, role, again]);
    assert_eq!(members.member(&device(1)).unwrap().role, Role::Node);
    assert!(members.is_anchor(&device(1)), "while there is no other");
}

#[test]
fn revocations_in_a_ring_end_the_same_everywhere() {
    let (mesh, founder) = founding();
    let anchors = [founder, admit(1, 2, 2, Role::Anchor), admit(1, 3, 3, Role::Anchor)];
    let ring = [revoke(1, 20, 2), revoke(2, 22, 3), revoke(3, 24, 1)];
    let mut events = [anchors.as_slice(), &ring].concat();
    let members = fold(mesh, &events);
    events.reverse();
    assert_eq!(fold(mesh, &events), members);
}

/// A thief may have as many creatures revoke and be revoked as it likes: an honest revocation is not worn out.
#[test]
fn no_number_of_undone_revocations_wears_another_out() {
    let (mesh, founder) = founding();
    let mut events = vec![
        founder,
        admit(1, 2, 2, Role::Anchor),
        admit(1, 3, 5, Role::Anchor),
        admit(1, 4, 3, Role::Node),
        revoke(1, 8, 3),
        revoke(5, 200, 2),
    ];
    for n in 0..12 {
        let (creature, at) = (10 + n, u64::from(n));
        events.push(admit(2, 10 + at, creature, Role::Anchor));
        events.push(revoke_from(creature, 40 + 4 * at, 1, 5));
        events.push(revoke_from(2, 42 + 4 * at, creature, 0));
    }
    let members = fold(mesh, &events);
    assert!(members.active(&device(1)).is_some());
    assert_eq!(members.active(&device(3)), None);
    assert_eq!(members.active(&device(2)), None);
}

/// A clock can be set back; the order of admission can't.
#[test]
fn of_anchors_that_revoke_each_other_the_one_admitted_first_prevails() {
    let (mesh, founder) = founding();
    let events = [
        founder,
        admit(1, 2, 2, Role::Anchor),
        admit(1, 3, 3, Role::Anchor),
        revoke_from(2, 10, 1, 3),
        revoke_from(2, 11, 3, 0),
        revoke_from(1, 80, 2, 1),
    ];
    let members = fold(mesh, &events);
    let active = [1, 2, 3].map(|n| members.active(&device(n)).is_some());
    assert_eq!(active, [true, false, true]);
}

/// The founder's first event is beyond such a cut, and with it whatever made its author an anchor.
#[test]
fn a_revocation_that_takes_its_own_ground_away_means_nothing() {
    let (mesh, founder) = founding();
    let nowhere = DeviceRevoke { device: device(1), heads: vec![] };
    let honest = [founder, admit(1, 2, 2, Role::Anchor), admit(2, 3, 3, Role::Node)];
    let events = [honest.as_slice(), &[said(2, 10, Body::DeviceRevoke(nowhere))]].concat();
    assert_eq!(fold(mesh, &events), fold(mesh, &honest));
    assert!(fold(mesh, &events).is_anchor(&device(1)));
}

#[test]
fn a_cut_at_an_event_that_is_not_here_lets_nothing_count() {
    let (mesh, founder) = founding();
    let events = [founder, admit(1, 2, 2, Role::Node), revoke(1, 12, 2)];
    let members = Membership::fold(mesh, &events, &nothing());
    assert!(members.counts(&device(2), &place(2, 0), &nothing()).is_err());
    assert_eq!(members.member(&device(2)).unwrap().revoked, Some(vec![]));
}

proptest! {
    #[test]
    fn a_stolen_anchor_and_its_creatures_change_nothing(
        plan in proptest::collection::vec((0usize..3, 2u8..8, 0u8..4), 1..16),
    ) {
        let (mesh, founder) = founding();
        let honest = [
            founder,
            admit(1, 2, 2, Role::Anchor),
            admit(1, 3, 3, Role::Anchor),
            admit(3, 4, 4, Role::Node),
            revoke(1, 200, 2),
        ];
        let mut events = honest.to_vec();
        for (n, (author, who, what)) in plan.into_iter().enumerate() {
            let author = [2, 6, 7][author];
            let seq = n as u64 + 10;
            events.push(match what {
                0 => revoke_from(author, seq, who, 1000),
                1 => admit(author, seq, who, Role::Anchor),
                2 => forget(author, seq, vec![revision_of(who, 5)]),
                _ => admit(author, seq, who, Role::Capture),
            });
        }
        prop_assert_eq!(fold(mesh, &events), fold(mesh, &honest));
    }

    #[test]
    fn the_order_of_arrival_decides_nothing(
        plan in proptest::collection::vec((1u8..5, 1u8..5, 0u8..4, 0u64..20), 1..20),
        seed in any::<prop::sample::Index>(),
    ) {
        let (mesh, founder) = founding();
        let mut events = vec![founder, opened(2), opened(3), opened(4)];
        for (n, (author, who, what, cut)) in plan.into_iter().enumerate() {
            let seq = n as u64 + 1;
            events.push(match what {
                0 => revoke_from(author, seq, who, cut),
                1 => admit(author, seq, who, Role::Anchor),
                2 => forget(author, seq, vec![revision_of(who, cut), revision_of(author, cut)]),
                _ => admit(author, seq, who, Role::Capture),
            });
        }
        let folded = fold(mesh, &events);
        let middle = seed.index(events.len());
        events.rotate_left(middle);
        events.reverse();
        prop_assert_eq!(fold(mesh, &events), folded);
    }
}
