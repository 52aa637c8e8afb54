//! Who belongs to the mesh: a fold over the membership events in canonical order, whatever order they came in.
//!
//! Revocation is permanent and wins over anything concurrent (safest first). It also reaches back: what the device said
//! beyond the heads it was cut at never counted, even where that stands earlier in the order. So the fold walks the
//! events again for each revocation that it finds. They are few, and nothing can depend on the order of arrival.

use std::collections::{BTreeMap, BTreeSet};

use mirror_protocol::{ChainId, DeviceId, Event, EventId, Lamport, MeshId, Tip};

use crate::body::{Body, DeviceAdmit, DeviceRename, DeviceRevoke, Role};

/// How often one revocation may come into force. Revocations that undo each other in a ring have no right answer; with a
/// bound, every device comes to the same one.
const MAX_TURNS: u32 = 8;

/// A device that is, or was, a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// Its job.
    pub role: Role,
    /// Revoked, with its chains cut at these heads.
    pub revoked: Option<Vec<Tip>>,
    /// Its place in the order of admission.
    pub admitted: u32,
}

/// The members of a mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    members: BTreeMap<DeviceId, Member>,
    founder: Option<DeviceId>,
}

/// Why a chain may not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMember {
    /// Nobody admitted it.
    #[error("device {device} is not a member of this mesh")]
    Stranger {
        /// The device.
        device: DeviceId,
    },
    /// It was revoked before this event.
    #[error("device {device} was revoked; its chain {chain} counts no further than {}",
        cut.map_or("nothing".to_owned(), |cut| format!("event {cut}")))]
    Revoked {
        /// The device.
        device: DeviceId,
        /// The chain.
        chain: ChainId,
        /// Its last event that counts.
        cut: Option<u64>,
    },
}

type Order = (Lamport, ChainId, u64);

/// A membership event in the order of the fold.
struct Said<'a> {
    order: Order,
    id: EventId,
    author: DeviceId,
    body: &'a Body,
}

/// A revocation in force. A device can have several: the strictest counts, or a thief could have the device revoked
/// once more, by a creature of its own, to set its own limit.
struct Cut<'a> {
    device: DeviceId,
    order: Order,
    heads: &'a [Tip],
}

type Cuts<'a> = BTreeMap<EventId, Cut<'a>>;

/// Whether an event was written beyond a cut. A device that revokes itself does so beyond its own heads.
fn is_void(said: &Said<'_>, cuts: &Cuts<'_>) -> bool {
    let (_, chain, seq) = said.order;
    cuts.iter().any(|(by, cut)| {
        let within = || cut_at(cut.heads, &chain).is_some_and(|cut| seq <= cut);
        cut.device == said.author && *by != said.id && !within()
    })
}

fn cut_at(heads: &[Tip], chain: &ChainId) -> Option<u64> {
    heads.iter().find(|tip| tip.chain == *chain).map(|tip| tip.seq)
}

/// One walk over the events.
#[derive(Default)]
struct Walk<'a> {
    membership: Membership,
    /// The first revocation that ought to be in force and is not.
    missing: Option<(EventId, Cut<'a>)>,
    /// Revocations in force by the word of somebody who had no say.
    baseless: BTreeSet<EventId>,
}

impl Membership {
    /// Folds membership events of one mesh, given in any order with their authors' devices. In canonical order: the
    /// founder's first event makes the first anchor; admissions, renames and revocations count when their author is an
    /// anchor at that point; a device may always rename itself. Nothing counts beyond the heads at which its author was
    /// cut.
    pub fn fold(mesh: MeshId, events: &[(DeviceId, Event, Body)]) -> Self {
        let mut ordered: Vec<Said<'_>> = events
            .iter()
            .map(|(author, event, body)| Said {
                order: event.order(),
                id: event.id,
                author: *author,
                body,
            })
            .collect();
        // Two branches of a fork can share a place in canonical order.
        ordered.sort_by_key(|said| (said.order, said.id));
        let mut cuts = Cuts::new();
        let mut turns: BTreeMap<EventId, u32> = BTreeMap::new();
        loop {
            let walk = Walk::over(mesh, &ordered, &cuts, &turns);
            if !walk.baseless.is_empty() {
                cuts.retain(|by, _| !walk.baseless.contains(by));
            } else if let Some((by, cut)) = walk.missing {
                *turns.entry(by).or_default() += 1;
                cuts.insert(by, cut);
            } else {
                return walk.membership;
            }
        }
    }

    /// Whether a device admits and revokes others: an anchor, or the founder of a mesh that has no anchor.
    pub fn is_anchor(&self, device: &DeviceId) -> bool {
        let anchor = |member: &&Member| member.role == Role::Anchor && member.revoked.is_none();
        match self.active(device) {
            Some(member) if member.role == Role::Anchor => true,
            Some(_) => self.founder == Some(*device) && !self.members.values().any(|m| anchor(&m)),
            None => false,
        }
    }

    /// A device that is, or was, a member.
    pub fn member(&self, device: &DeviceId) -> Option<&Member> {
        self.members.get(device)
    }

    /// A member that was not revoked.
    pub fn active(&self, device: &DeviceId) -> Option<&Member> {
        self.member(device).filter(|member| member.revoked.is_none())
    }

    /// All that are or were members, in order of admission.
    pub fn all(&self) -> Vec<&Member> {
        let mut all: Vec<_> = self.members.values().collect();
        all.sort_by_key(|member| member.admitted);
        all
    }

    /// Whether an event of a device's chain counts.
    pub fn may_write(&self, device: &DeviceId, chain: &ChainId, seq: u64) -> Result<(), NotMember> {
        let member = self.member(device).ok_or(NotMember::Stranger { device: *device })?;
        let Some(heads) = &member.revoked else { return Ok(()) };
        let cut = cut_at(heads, chain);
        if cut.is_some_and(|cut| seq <= cut) {
            return Ok(());
        }
        Err(NotMember::Revoked { device: *device, chain: *chain, cut })
    }
}

impl<'a> Walk<'a> {
    fn over(
        mesh: MeshId,
        ordered: &[Said<'a>],
        cuts: &Cuts<'a>,
        turns: &BTreeMap<EventId, u32>,
    ) -> Self {
        let mut walk = Self { baseless: cuts.keys().copied().collect(), ..Self::default() };
        for said in ordered.iter().filter(|said| !is_void(said, cuts)) {
            match said.body {
                Body::DeviceRevoke(revoke) if walk.membership.is_anchor(&said.author) => {
                    if walk.baseless.remove(&said.id) {
                        walk.revoke(&revoke.device, &revoke.heads);
                    } else if turns.get(&said.id).is_none_or(|turns| *turns < MAX_TURNS) {
                        let DeviceRevoke { device, heads } = revoke;
                        let cut = Cut { device: *device, order: said.order, heads };
                        walk.missing.get_or_insert((said.id, cut));
                    }
                }
                Body::DeviceRevoke(_) => {}
                _ => walk.apply(mesh, said, cuts),
            }
        }
        walk
    }

    fn revoke(&mut self, device: &DeviceId, heads: &[Tip]) {
        let Some(member) = self.membership.members.get_mut(device) else { return };
        member.revoked = Some(strictest(member.revoked.take(), heads));
    }

    fn apply(&mut self, mesh: MeshId, said: &Said<'_>, cuts: &Cuts<'_>) {
        let by_anchor = self.membership.is_anchor(&said.author);
        match said.body {
            // The founder's key could open a second chain with the same words; it founds nothing again.
            Body::ChainOpen(open)
                if open.mesh == mesh && open.is_founder() && self.membership.founder.is_none() =>
            {
                self.membership.founder = Some(open.device);
                self.admit(open.device, "founder", Role::Anchor, said.order, cuts);
            }
            Body::DeviceAdmit(DeviceAdmit { device, name, role }) if by_anchor => {
                self.admit(*device, name, *role, said.order, cuts);
            }
            Body::DeviceRename(DeviceRename { device, name })
                if by_anchor || said.author == *device =>
            {
                if let Some(member) = self.membership.members.get_mut(device) {
                    member.name = name.clone();
                }
            }
            _ => {}
        }
    }

    /// A second admission of a member gives it its name and role; none lifts a revocation, not even one that stands
    /// before it in the order.
    fn admit(&mut self, device: DeviceId, name: &str, role: Role, at: Order, cuts: &Cuts<'_>) {
        let members = &mut self.membership.members;
        let admitted = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let before = cuts.values().filter(|cut| cut.device == device && cut.order < at);
        let revoked = before.fold(None, |heads, cut| Some(strictest(heads, cut.heads)));
        let new = Member { device, name: name.to_owned(), role, revoked, admitted };
        let member = members.entry(device).or_insert(new);
        member.name = name.to_owned();
        member.role = role;
    }
}

/// What two revocations both let count.
fn strictest(before: Option<Vec<Tip>>, heads: &[Tip]) -> Vec<Tip> {
    let Some(before) = before else { return heads.to_vec() };
    let lower = |tip: Tip| {
        let other = heads.iter().find(|other| other.chain == tip.chain)?;
        Some(if other.seq < tip.seq { *other } else { tip })
    };
    before.into_iter().filter_map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use mirror_protocol::{BodyHash, ChainOpen, EventId, Header, SigningKey, WallTime};
    use proptest::prelude::*;

    const AT: WallTime = WallTime { unix_ms: 0, offset_min: 0 };

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
        let heads = vec![Tip { chain: ChainId([who; 32]), seq: cut, id: EventId([9; 32]) }];
        said(author, seq, Body::DeviceRevoke(DeviceRevoke { device: device(who), heads }))
    }

    #[test]
    fn only_an_anchor_admits() {
        let (mesh, founder) = founding();
        let events = [founder, admit(1, 2, 2, Role::Capture), admit(2, 3, 3, Role::Node)];
        let members = Membership::fold(mesh, &events);
        assert!(members.active(&device(2)).is_some());
        assert_eq!(members.member(&device(3)), None);
        let stranger = members.may_write(&device(3), &ChainId([3; 32]), 0);
        assert!(matches!(stranger, Err(NotMember::Stranger { .. })));
    }

    #[test]
    fn a_revoked_device_keeps_what_it_wrote_before_the_cut() {
        let (mesh, founder) = founding();
        let events = [founder, admit(1, 2, 2, Role::Node), revoke(1, 12, 2)];
        let members = Membership::fold(mesh, &events);
        assert_eq!(members.may_write(&device(2), &ChainId([2; 32]), 9), Ok(()));
        assert!(members.may_write(&device(2), &ChainId([2; 32]), 10).is_err());
    }

    #[test]
    fn nothing_lifts_a_revocation() {
        let (mesh, founder) = founding();
        let events =
            [founder, admit(1, 2, 2, Role::Node), revoke(1, 3, 2), admit(1, 4, 2, Role::Anchor)];
        let members = Membership::fold(mesh, &events);
        assert_eq!(members.active(&device(2)), None);
    }

    #[test]
    fn what_an_anchor_says_beyond_its_cut_never_counted() {
        let (mesh, founder) = founding();
        let honest =
            [founder, admit(1, 2, 2, Role::Anchor), admit(1, 3, 3, Role::Node), revoke(1, 80, 2)];
        let members = Membership::fold(mesh, &honest);
        // A stolen anchor takes nothing new in, so its clock stays low: all this stands before its revocation.
        let stolen = [admit(2, 10, 4, Role::Anchor), revoke(2, 11, 3), revoke(4, 12, 3)];
        let events = [honest.as_slice(), &stolen].concat();
        assert_eq!(Membership::fold(mesh, &events), members);
        assert!(members.active(&device(3)).is_some());
    }

    #[test]
    fn a_revocation_wins_over_an_admission_wherever_they_stand() {
        let (mesh, founder) = founding();
        let events =
            [founder, admit(1, 2, 2, Role::Anchor), revoke(1, 4, 3), admit(2, 6, 3, Role::Node)];
        let members = Membership::fold(mesh, &events);
        assert!(members.member(&device(3)).is_some());
        assert_eq!(members.active(&device(3)), None);
    }

    #[test]
    fn a_device_may_revoke_itself() {
        let (mesh, founder) = founding();
        let events = [founder, admit(1, 2, 2, Role::Anchor), revoke(2, 10, 2)];
        assert_eq!(Membership::fold(mesh, &events).active(&device(2)), None);
    }

    #[test]
    fn of_two_revocations_the_strictest_counts() {
        let (mesh, founder) = founding();
        let anchors = [founder, admit(1, 2, 2, Role::Node), admit(1, 3, 3, Role::Anchor)];
        let events = [anchors.as_slice(), &[revoke(1, 20, 2), revoke_from(3, 20, 2, 4)]].concat();
        let members = Membership::fold(mesh, &events);
        assert_eq!(members.may_write(&device(2), &ChainId([2; 32]), 4), Ok(()));
        assert!(members.may_write(&device(2), &ChainId([2; 32]), 5).is_err());
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
        let members = Membership::fold(mesh, &[founder, role, again]);
        assert_eq!(members.member(&device(1)).unwrap().role, Role::Node);
        assert!(members.is_anchor(&device(1)), "while there is no other");
    }

    #[test]
    fn revocations_in_a_ring_end_the_same_everywhere() {
        let (mesh, founder) = founding();
        let anchors = [founder, admit(1, 2, 2, Role::Anchor), admit(1, 3, 3, Role::Anchor)];
        let ring = [revoke(1, 20, 2), revoke(2, 22, 3), revoke(3, 24, 1)];
        let mut events = [anchors.as_slice(), &ring].concat();
        let members = Membership::fold(mesh, &events);
        events.reverse();
        assert_eq!(Membership::fold(mesh, &events), members);
    }

    proptest! {
        #[test]
        fn a_stolen_anchor_and_its_creatures_change_nothing(
            plan in proptest::collection::vec((0usize..3, 2u8..8, 0u8..3), 1..16),
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
                    _ => admit(author, seq, who, Role::Capture),
                });
            }
            prop_assert_eq!(Membership::fold(mesh, &events), Membership::fold(mesh, &honest));
        }

        #[test]
        fn the_order_of_arrival_decides_nothing(
            plan in proptest::collection::vec((1u8..5, 1u8..5, 0u8..3, 0u64..20), 1..20),
            seed in any::<prop::sample::Index>(),
        ) {
            let (mesh, founder) = founding();
            let mut events = vec![founder];
            for (n, (author, who, what, cut)) in plan.into_iter().enumerate() {
                let seq = n as u64 + 1;
                events.push(match what {
                    0 => revoke_from(author, seq, who, cut),
                    1 => admit(author, seq, who, Role::Anchor),
                    _ => admit(author, seq, who, Role::Capture),
                });
            }
            let folded = Membership::fold(mesh, &events);
            let middle = seed.index(events.len());
            events.rotate_left(middle);
            events.reverse();
            prop_assert_eq!(Membership::fold(mesh, &events), folded);
        }
    }
}
