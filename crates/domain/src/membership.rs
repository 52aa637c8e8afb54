//! Who belongs to the mesh: a fold over the membership events in canonical order, whatever order they came in.
//!
//! Revocation is permanent and wins over anything concurrent (safest first). Membership events are few, so the fold
//! starts anew each time; nothing can depend on the order of arrival.

use std::collections::BTreeMap;

use mirror_protocol::{ChainId, DeviceId, Event, Lamport, MeshId, Tip};

use crate::body::{Body, DeviceAdmit, DeviceRename, DeviceRevoke, Role};

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

impl Membership {
    /// Folds membership events of one mesh, given in any order with their authors' devices. In canonical order: the
    /// founder's first event makes the first anchor; admissions, renames and revocations count when their author is an
    /// anchor at that point; a device may always rename itself.
    pub fn fold(mesh: MeshId, events: &[(DeviceId, Event, Body)]) -> Self {
        let mut ordered: Vec<(Order, &DeviceId, &Body)> =
            events.iter().map(|(author, event, body)| (event.order(), author, body)).collect();
        ordered.sort_by_key(|(order, _, _)| *order);
        let mut membership = Self::default();
        for (_, author, body) in ordered {
            membership.apply(mesh, author, body);
        }
        membership
    }

    fn apply(&mut self, mesh: MeshId, author: &DeviceId, body: &Body) {
        match body {
            Body::ChainOpen(open) if open.mesh == mesh && open.is_founder() => {
                self.founder = Some(open.device);
                self.admit(open.device, "founder", Role::Anchor);
            }
            Body::DeviceAdmit(DeviceAdmit { device, name, role }) if self.is_anchor(author) => {
                self.admit(*device, name, *role);
            }
            Body::DeviceRename(DeviceRename { device, name })
                if self.is_anchor(author) || author == device =>
            {
                if let Some(member) = self.members.get_mut(device) {
                    member.name = name.clone();
                }
            }
            Body::DeviceRevoke(DeviceRevoke { device, heads }) if self.is_anchor(author) => {
                if let Some(member) = self.members.get_mut(device) {
                    member.revoked.get_or_insert_with(|| heads.clone());
                }
            }
            _ => {}
        }
    }

    /// A second admission of a member gives it its name and role; it never lifts a revocation.
    fn admit(&mut self, device: DeviceId, name: &str, role: Role) {
        let admitted = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let new = Member { device, name: name.to_owned(), role, revoked: None, admitted };
        let member = self.members.entry(device).or_insert(new);
        member.name = name.to_owned();
        member.role = role;
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
        let cut = heads.iter().find(|tip| tip.chain == *chain).map(|tip| tip.seq);
        if cut.is_some_and(|cut| seq <= cut) {
            return Ok(());
        }
        Err(NotMember::Revoked { device: *device, chain: *chain, cut })
    }
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
        let heads = vec![Tip { chain: ChainId([who; 32]), seq: 9, id: EventId([9; 32]) }];
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

    proptest! {
        #[test]
        fn the_order_of_arrival_decides_nothing(
            plan in proptest::collection::vec((1u8..5, 1u8..5, 0u8..3), 1..20),
            seed in any::<prop::sample::Index>(),
        ) {
            let (mesh, founder) = founding();
            let mut events = vec![founder];
            for (n, (author, who, what)) in plan.into_iter().enumerate() {
                let seq = n as u64 + 1;
                events.push(match what {
                    0 => revoke(author, seq, who),
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
