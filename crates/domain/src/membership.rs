//! Who belongs to the mesh, and what was forgotten: a fold over the membership events in canonical order, whatever order
//! they came in.
//!
//! Revocation is permanent and wins over anything concurrent (safest first). It also reaches back: what the device said
//! beyond the heads it was cut at never counted, even where that stands earlier in the order. So revocations judge each
//! other, and which are in force is found first, by walks over the events. They are few, and nothing can depend on the
//! order of arrival.

use std::collections::{BTreeMap, BTreeSet};

use mirror_protocol::known::{leads_to, shared};
use mirror_protocol::{ChainId, DeviceId, Event, Known, MeshId, Order, Tip};

use crate::body::{Body, DeviceAdmit, DeviceRename, Role, can_be_forgotten};

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
    forgotten: BTreeSet<Tip>,
}

/// Why an event does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMember {
    /// Nobody admitted it.
    #[error("device {device} is not a member of this mesh")]
    Stranger {
        /// The device.
        device: DeviceId,
    },
    /// It was revoked, and the event stands beyond the heads at which its chains were cut.
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

/// Whether an event is one of the heads or lies before one in its branch. A head that is not here vouches for nothing.
pub fn is_within(event: &Tip, heads: &[Tip], known: &dyn Known) -> bool {
    let of_chain = |head: &&Tip| head.chain == event.chain && head.seq >= event.seq;
    heads.iter().filter(of_chain).any(|head| leads_to(known, event, head) == Some(true))
}

impl Membership {
    /// Folds membership events of one mesh, given in any order with their authors' devices. In canonical order: the
    /// founder's first event makes the first anchor; admissions, renames and revocations count when their author is an
    /// anchor at that point; a device may always rename itself, and forget what stands in its own chains. Nothing counts
    /// beyond the heads at which its author was cut.
    ///
    /// `known` tells which events stand in one branch.
    pub fn fold(mesh: MeshId, events: &[(DeviceId, Event, Body)], known: &dyn Known) -> Self {
        let opened = events.iter().filter(|(_, event, _)| event.header.seq == 0);
        let owners: BTreeMap<ChainId, DeviceId> =
            opened.map(|(author, event, _)| (event.chain(), *author)).collect();
        let own = |author: &DeviceId, body: &Body| {
            let Body::NoteForget(forget) = body else { return Vec::new() };
            let mut own = forget.targets.clone();
            own.retain(|target| owners.get(&target.chain) == Some(author));
            own
        };
        let mut said: Vec<Said<'_>> = events
            .iter()
            .map(|(author, event, body)| Said {
                order: event.order(),
                place: event.tip(),
                author: *author,
                body,
                own: own(author, body),
            })
            .collect();
        said.sort_by_key(|said| said.order);
        said.dedup_by_key(|said| said.order);
        let history = History { mesh, said, known };
        history.walk(&history.in_force()).membership
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

    /// The revisions that somebody has forgotten who may. What stands there, if it can be forgotten at all, is folded as if
    /// it had never been written.
    pub fn forgotten(&self) -> &BTreeSet<Tip> {
        &self.forgotten
    }

    /// Whether an event is forgotten.
    pub fn forgets(&self, event: &Event) -> bool {
        can_be_forgotten(&event.header.kind) && self.forgotten.contains(&event.tip())
    }

    /// Whether an event of a device's chain counts. One that doesn't is kept and passed on, and means nothing: else two
    /// devices that heard of a revocation at different times could never agree again.
    pub fn counts(
        &self,
        device: &DeviceId,
        event: &Tip,
        known: &dyn Known,
    ) -> Result<(), NotMember> {
        let member = self.member(device).ok_or(NotMember::Stranger { device: *device })?;
        let Some(heads) = &member.revoked else { return Ok(()) };
        if is_within(event, heads, known) {
            return Ok(());
        }
        let chain = event.chain;
        let cut = heads.iter().filter(|head| head.chain == chain).map(|head| head.seq).max();
        Err(NotMember::Revoked { device: *device, chain, cut })
    }
}

/// A membership event in the order of the fold.
struct Said<'a> {
    order: Order,
    place: Tip,
    author: DeviceId,
    body: &'a Body,
    /// What its author may forget by itself.
    own: Vec<Tip>,
}

/// The membership events in canonical order; a revocation is named by its index.
struct History<'a> {
    mesh: MeshId,
    said: Vec<Said<'a>>,
    known: &'a dyn Known,
}

/// What a walk under some revocations finds.
#[derive(Default)]
struct Walk {
    membership: Membership,
    /// The revocations that an anchor says, and that none of those walked under reaches.
    said: BTreeSet<usize>,
    /// Devices revoked so far.
    revoked: BTreeSet<DeviceId>,
}

/// The revocations of each device. A device can have several: all are obeyed, or a thief could have the device revoked
/// once more, by a creature of its own, to set its own limit.
type Cuts<'a> = BTreeMap<DeviceId, Vec<(usize, &'a [Tip])>>;

impl<'a> History<'a> {
    /// The revocations in force. One that counts even if all do that may is sure, and what it reaches no longer may.
    /// Where those left undo each other, the anchor of longest standing prevails: a stolen anchor can set its clock
    /// back, not the order of admission. Each turn settles one at least.
    fn in_force(&self) -> BTreeSet<usize> {
        let mut sure = BTreeSet::new();
        let mut groundless = BTreeSet::new();
        loop {
            let walk = self.walk(&sure);
            let may: BTreeSet<usize> = walk.said.difference(&groundless).copied().collect();
            let all = &sure | &may;
            if all == sure {
                return sure;
            }
            let stand = &self.walk(&all).said & &may;
            if !stand.is_subset(&sure) {
                sure.extend(stand);
                continue;
            }
            let left = may.difference(&sure).copied();
            let Some(elder) = left.min_by_key(|at| (self.standing(*at, &walk), *at)) else {
                return sure;
            };
            sure.insert(elder);
            if !self.walk(&sure).said.contains(&elder) {
                sure.remove(&elder);
                groundless.insert(elder);
            }
        }
    }

    /// The place in the order of admission of who says it.
    fn standing(&self, at: usize, walk: &Walk) -> Option<u32> {
        let author = &self.said.get(at)?.author;
        walk.membership.member(author).map(|member| member.admitted)
    }

    fn walk(&self, in_force: &BTreeSet<usize>) -> Walk {
        let mut cuts = Cuts::new();
        for (at, said) in self.said.iter().enumerate().filter(|(at, _)| in_force.contains(at)) {
            if let Body::DeviceRevoke(revoke) = said.body {
                cuts.entry(revoke.device).or_default().push((at, &revoke.heads));
            }
        }
        let mut walk = Walk::default();
        for (at, said) in self.said.iter().enumerate() {
            let is_void = self.is_void(at, said, &cuts);
            match said.body {
                Body::DeviceRevoke(revoke) => {
                    if !is_void && walk.membership.is_anchor(&said.author) {
                        walk.said.insert(at);
                    }
                    if in_force.contains(&at) {
                        walk.revoke(revoke.device);
                    }
                }
                _ if is_void => {}
                _ => walk.apply(self.mesh, said),
            }
        }
        for (device, cuts) in &cuts {
            if let Some(member) = walk.membership.members.get_mut(device) {
                let heads = cuts.iter().map(|(_, heads)| *heads);
                member.revoked = Some(strictest(heads, self.known));
            }
        }
        walk
    }

    /// Whether an event was written beyond a cut. A device that revokes itself does so beyond its own heads.
    fn is_void(&self, at: usize, said: &Said<'_>, cuts: &Cuts<'a>) -> bool {
        let cuts = cuts.get(&said.author).into_iter().flatten();
        cuts.filter(|(by, _)| *by != at)
            .any(|(_, heads)| !is_within(&said.place, heads, self.known))
    }
}

impl Walk {
    /// With which heads, the end of the walk tells.
    fn revoke(&mut self, device: DeviceId) {
        self.revoked.insert(device);
        if let Some(member) = self.membership.members.get_mut(&device) {
            member.revoked = Some(Vec::new());
        }
    }

    fn apply(&mut self, mesh: MeshId, said: &Said<'_>) {
        let by_anchor = self.membership.is_anchor(&said.author);
        match said.body {
            // The founder's key could open a second chain with the same words; it founds nothing again.
            Body::ChainOpen(open)
                if open.mesh == mesh && open.is_founder() && self.membership.founder.is_none() =>
            {
                self.membership.founder = Some(open.device);
                self.admit(open.device, "founder", Role::Anchor);
            }
            Body::DeviceAdmit(DeviceAdmit { device, name, role }) if by_anchor => {
                self.admit(*device, name, *role);
            }
            Body::DeviceRename(DeviceRename { device, name })
                if by_anchor || said.author == *device =>
            {
                if let Some(member) = self.membership.members.get_mut(device) {
                    member.name = name.clone();
                }
            }
            Body::NoteForget(forget) if by_anchor => {
                self.membership.forgotten.extend(&forget.targets);
            }
            Body::NoteForget(_) if self.membership.members.contains_key(&said.author) => {
                self.membership.forgotten.extend(&said.own);
            }
            _ => {}
        }
    }

    /// A second admission of a member gives it its name and role; none lifts a revocation.
    fn admit(&mut self, device: DeviceId, name: &str, role: Role) {
        let revoked = self.revoked.contains(&device).then(Vec::new);
        let members = &mut self.membership.members;
        let admitted = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let new = Member { device, name: name.to_owned(), role, revoked, admitted };
        let member = members.entry(device).or_insert(new);
        member.name = name.to_owned();
        member.role = role;
    }
}

/// What all revocations of a device let count: of each two heads of one chain, what both lead from.
fn strictest<'a>(mut cuts: impl Iterator<Item = &'a [Tip]>, known: &dyn Known) -> Vec<Tip> {
    let held = |heads: &[Tip]| -> BTreeSet<Tip> {
        heads.iter().copied().filter(|head| known.point(head).is_some()).collect()
    };
    let first = cuts.next().map(held).unwrap_or_default();
    let both = |before: BTreeSet<Tip>, heads: &[Tip]| {
        let heads = held(heads);
        let pairs = before.iter().flat_map(|one| heads.iter().map(move |other| (one, other)));
        pairs
            .filter(|(one, other)| one.chain == other.chain)
            .filter_map(|(one, other)| Some(shared(known, one, other)?.in_chain(one.chain)))
            .collect()
    };
    cuts.fold(first, both).into_iter().collect()
}

#[cfg(test)]
mod tests;
