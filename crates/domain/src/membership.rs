//! Who belongs to the mesh, and what was forgotten: a fold over the membership events in canonical order, whatever order they came in.
//!
//! Revocation is permanent and wins over anything concurrent (safest first). It also reaches back: what the device said
//! beyond the heads it was cut at never counted, even where that stands earlier in the order. So the fold walks the
//! events again for each revocation that it finds. They are few, and nothing can depend on the order of arrival.

use std::collections::{BTreeMap, BTreeSet};

use mirror_protocol::known::{leads_to, shared};
use mirror_protocol::{ChainId, DeviceId, Event, EventId, Known, MeshId, Order, Tip};

use crate::body::{Body, DeviceAdmit, DeviceRename, DeviceRevoke, Role, can_be_forgotten};

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

/// A membership event in the order of the fold.
struct Said<'a> {
    order: Order,
    place: Tip,
    author: DeviceId,
    body: &'a Body,
    /// What its author may forget by itself.
    own: Vec<Tip>,
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
fn is_void(said: &Said<'_>, cuts: &Cuts<'_>, known: &dyn Known) -> bool {
    cuts.iter().any(|(by, cut)| {
        let beyond = || !is_within(&said.place, cut.heads, known);
        cut.device == said.author && *by != said.place.id && beyond()
    })
}

/// Whether an event is one of the heads or lies before one in its branch. Of a head that is not here only the position
/// can be told.
pub fn is_within(event: &Tip, heads: &[Tip], known: &dyn Known) -> bool {
    let of_chain = |head: &&Tip| head.chain == event.chain && head.seq >= event.seq;
    heads.iter().filter(of_chain).any(|head| leads_to(known, event, head).unwrap_or(true))
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
        let mut ordered: Vec<Said<'_>> = events
            .iter()
            .map(|(author, event, body)| Said {
                order: event.order(),
                place: event.tip(),
                author: *author,
                body,
                own: own(author, body),
            })
            .collect();
        ordered.sort_by_key(|said| said.order);
        let mut cuts = Cuts::new();
        let mut turns: BTreeMap<EventId, u32> = BTreeMap::new();
        loop {
            let walk = Walk::over(mesh, &ordered, &cuts, &turns, known);
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

impl<'a> Walk<'a> {
    fn over(
        mesh: MeshId,
        ordered: &[Said<'a>],
        cuts: &Cuts<'a>,
        turns: &BTreeMap<EventId, u32>,
        known: &dyn Known,
    ) -> Self {
        let mut walk = Self { baseless: cuts.keys().copied().collect(), ..Self::default() };
        for said in ordered.iter().filter(|said| !is_void(said, cuts, known)) {
            match said.body {
                Body::DeviceRevoke(revoke) if walk.membership.is_anchor(&said.author) => {
                    if walk.baseless.remove(&said.place.id) {
                        walk.revoke(&revoke.device, &revoke.heads, known);
                    } else if turns.get(&said.place.id).is_none_or(|turns| *turns < MAX_TURNS) {
                        let DeviceRevoke { device, heads } = revoke;
                        let cut = Cut { device: *device, order: said.order, heads };
                        walk.missing.get_or_insert((said.place.id, cut));
                    }
                }
                Body::DeviceRevoke(_) => {}
                _ => walk.apply(mesh, said, cuts, known),
            }
        }
        walk
    }

    fn revoke(&mut self, device: &DeviceId, heads: &[Tip], known: &dyn Known) {
        let Some(member) = self.membership.members.get_mut(device) else { return };
        member.revoked = Some(strictest(member.revoked.take(), heads, known));
    }

    fn apply(&mut self, mesh: MeshId, said: &Said<'_>, cuts: &Cuts<'_>, known: &dyn Known) {
        let by_anchor = self.membership.is_anchor(&said.author);
        match said.body {
            // The founder's key could open a second chain with the same words; it founds nothing again.
            Body::ChainOpen(open)
                if open.mesh == mesh && open.is_founder() && self.membership.founder.is_none() =>
            {
                self.membership.founder = Some(open.device);
                let revoked = revoked_before(&open.device, said.order, cuts, known);
                self.admit(open.device, "founder", Role::Anchor, revoked);
            }
            Body::DeviceAdmit(DeviceAdmit { device, name, role }) if by_anchor => {
                let revoked = revoked_before(device, said.order, cuts, known);
                self.admit(*device, name, *role, revoked);
            }
            Body::NoteForget(forget) if by_anchor => {
                self.membership.forgotten.extend(&forget.targets);
            }
            Body::NoteForget(_) if self.membership.members.contains_key(&said.author) => {
                self.membership.forgotten.extend(&said.own);
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

    /// A second admission of a member gives it its name and role; none lifts a revocation.
    fn admit(&mut self, device: DeviceId, name: &str, role: Role, revoked: Option<Vec<Tip>>) {
        let members = &mut self.membership.members;
        let admitted = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let new = Member { device, name: name.to_owned(), role, revoked, admitted };
        let member = members.entry(device).or_insert(new);
        member.name = name.to_owned();
        member.role = role;
    }
}

/// The cut of a device by revocations that stand before a place in the order.
fn revoked_before(
    device: &DeviceId,
    at: Order,
    cuts: &Cuts<'_>,
    known: &dyn Known,
) -> Option<Vec<Tip>> {
    let before = cuts.values().filter(|cut| cut.device == *device && cut.order < at);
    before.fold(None, |heads, cut| Some(strictest(heads, cut.heads, known)))
}

/// What two revocations both let count: of each two heads of one chain, what both lead from.
fn strictest(before: Option<Vec<Tip>>, heads: &[Tip], known: &dyn Known) -> Vec<Tip> {
    let Some(before) = before else { return heads.to_vec() };
    let mut both = BTreeSet::new();
    for one in &before {
        for other in heads.iter().filter(|other| other.chain == one.chain) {
            let here = known.point(one).is_some() && known.point(other).is_some();
            both.extend(match shared(known, one, other) {
                Some(point) if here => Some(point.in_chain(one.chain)),
                _ if one.seq <= other.seq => Some(*one),
                _ => Some(*other),
            });
        }
    }
    both.into_iter().collect()
}

#[cfg(test)]
mod tests;
