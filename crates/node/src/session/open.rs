//! A session begins: what the last ones left is recovered, checked, and handed out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mirror_domain::Body;
use mirror_domain::body::{
    MAX_ITEMS, Rejection, RepoState, SessionOpen, SessionReject, ToldItem, Why, check_project,
};
use mirror_domain::session::pack::{About, build};
use mirror_domain::session::{Budget, Coherence, Item, ItemKind, Pack, Trust, pack};
use mirror_protocol::{BlobId, ChainId, ChainOpen, EventId};
use mirror_store::{Meta, SessionRow, ToldRow, Tx, View};
use sha2::{Digest, Sha256};

use super::answer::{
    behind_first_line, in_order, item_view, lines, named, not_enough, over_budget, parts, ratio,
    remarks,
};
use super::gather::{Gathered, item_of, sha};
use super::proof::Proof;
use super::{fold, rejection_view, repo};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::status::head_of;
use crate::view::{self, Code};
use crate::{clock, commit, convert};

/// Rejections that one event tells: with what they quote they fit a body.
const AT_ONCE: usize = 16;
/// Distillates that are looked at.
const DISTILLATES: u32 = 64;
/// Earlier sessions that are told.
const SESSIONS: u32 = 5;

/// A session to be opened.
#[derive(Debug, Clone, Default)]
pub struct OpenSession {
    /// Which agent.
    pub agent: String,
    /// On what; empty for nothing in particular.
    pub project: String,
    /// Tokens that the context may take; what a hook can hand out, when nothing is asked for.
    pub budget: Option<u32>,
    /// What it is to be about: earlier work on that is told first.
    pub about: Option<String>,
    /// The folder that it works in.
    pub folder: Option<PathBuf>,
    /// The process that it belongs to: as long as that lives, the session is not taken for ended.
    pub pid: Option<u32>,
    /// What the agent itself calls it.
    pub name: Option<String>,
}

impl Node {
    /// Opens a session. When too little of what there is to tell holds, nothing is told but that: the answer holds an error
    /// and a banner. It never answers with less in silence.
    pub fn session_open(&self, ask: &OpenSession) -> Result<view::SessionOpened> {
        check_project(&ask.project)
            .map_err(|error| Error::invalid(error, "name it like its folder, in small letters"))?;
        match self.open_checked(ask) {
            Err(error) if error.code == Code::Integrity => Ok(self.refused(ask, &error)),
            other => other,
        }
    }

    fn open_checked(&self, ask: &OpenSession) -> Result<view::SessionOpened> {
        let mut gathered = Gathered::default();
        self.check_own_chain()?;
        self.mend_lists(&mut gathered.wrong)?;
        let recovered = self.recover_ended(&ask.agent, &ask.project)?;
        let leaves = self.leaves(&ask.project)?;
        self.gather(ask, &leaves, &mut gathered)?;
        let repo = ask.folder.as_deref().and_then(|folder| repo::state(folder, repo::SHORTLY));
        let Gathered { items, mut wrong } = gathered;
        let coherence = Coherence::of(items.iter().map(|item| (item.bytes, item.checks)));
        let mut about = About {
            session: String::new(),
            agent: ask.agent.clone(),
            project: ask.project.clone(),
            head: self.read(head_of)?,
            now_ms: clock::now_ms(),
            coherence,
            remarks: remarks(&recovered, &wrong),
        };
        let hold: Vec<Item> = items.iter().filter(|item| item.checks.hold()).cloned().collect();
        let enough = coherence.is_enough();
        let pack = if enough {
            build(&about, &hold, Budget::tokens(ask.budget))
        } else {
            Pack { context: String::new(), told: Vec::new(), over: Vec::new() }
        };
        wrong.extend(over_budget(&hold, &pack));
        let shown = in_order(&items, &pack, enough);
        let open = self.say_open(ask, &about, &pack, &shown, leaves, repo.map(|(state, _)| state));
        let (session, rejections) = self.commit_open(ask, open, &wrong, &pack.context)?;
        about.session = session.to_string();
        let context = match enough {
            true => named(&pack.context, &about.session),
            false => pack::banner(&about, &lines(&wrong)),
        };
        let error = (!enough).then(|| not_enough(coherence, &about.session).problem());
        Ok(view::SessionOpened {
            session: Some(about.session),
            agent: ask.agent.clone(),
            project: ask.project.clone(),
            head: about.head.to_string(),
            coherence: ratio(coherence.whole),
            parts: parts(coherence),
            items: shown.iter().map(|(item, ok)| item_view(item, *ok, about.now_ms)).collect(),
            rejected: convert::count(rejections.len()),
            rejections,
            recovered: recovered.iter().map(EventId::to_string).collect(),
            context,
            error,
        })
    }

    /// What there is to tell, in the order in which it matters.
    fn gather(&self, ask: &OpenSession, leaves: &[EventId], gathered: &mut Gathered) -> Result<()> {
        self.gather_continuity(&ask.project, leaves, gathered)?;
        self.gather_conflicts(gathered)?;
        let project = Some(ask.project.as_str()).filter(|project| !project.is_empty());
        let related = match &ask.about {
            Some(about) => self.related_places(about, &[], project, SESSIONS)?,
            None => Vec::new(),
        };
        let mut first = Gathered::default();
        let mark = self.read(|view| {
            let tips = view.session_mark(&ask.project, &ask.agent)?;
            let mut mark: BTreeMap<ChainId, u64> = BTreeMap::new();
            for tip in tips.unwrap_or_default() {
                let seq = mark.entry(tip.chain).or_insert(tip.seq);
                // Of a fork the lower end: the rest is told once more.
                *seq = tip.seq.min(*seq);
            }
            Ok(mark)
        })?;
        self.read(|view| {
            let mut proof = Proof::of(view);
            check_ends(view, gathered)?;
            self.gather_new(view, &mut proof, &mark, &mut first)?;
            let mut closes = view.newest_closes(&ask.project, SESSIONS + leaves.len() as u32)?;
            for id in leaves {
                let leaf = view.pos(id)?;
                closes.retain(|pos| Some(*pos) != leaf);
            }
            let more: Vec<_> =
                related.iter().filter(|pos| !closes.contains(pos)).copied().collect();
            closes.extend(more);
            self.gather_sessions(view, &mut proof, &closes, gathered)
        })?;
        let rows = self.read(|view| {
            let mut rows = Vec::new();
            for pos in &related {
                let Ok(Some(event)) = view.event_at(*pos) else { continue };
                rows.extend(view.distillate(&event.id)?.filter(|row| !row.gone));
            }
            let newest = view.newest_distillates(project, None, false, DISTILLATES)?;
            rows.extend(newest);
            let mut seen = std::collections::BTreeSet::new();
            rows.retain(|row| seen.insert(row.id));
            Ok(rows)
        })?;
        let budget = Budget::tokens(ask.budget);
        let mut distilled = Gathered::default();
        self.gather_distillates(rows, budget.chars * 2, &mut distilled)?;
        self.superseded(&mark, project, gathered)?;
        // Of both some fit: they take turns.
        let (mut notes, mut sealed) = (first.items.into_iter(), distilled.items.into_iter());
        loop {
            let pair = (notes.next(), sealed.next());
            if let (None, None) = pair {
                break;
            }
            gathered.items.extend(pair.0);
            gathered.items.extend(pair.1);
        }
        gathered.wrong.extend(first.wrong);
        gathered.wrong.extend(distilled.wrong);
        Ok(())
    }

    fn gather_continuity(
        &self,
        project: &str,
        leaves: &[EventId],
        gathered: &mut Gathered,
    ) -> Result<()> {
        let Some(found) = self.continuity_file(project, None, &mut gathered.wrong)? else {
            return Ok(());
        };
        let path = mirror_domain::session::continuity::path_of(project);
        let text = String::from_utf8_lossy(&found.bytes).into_owned();
        let unix = text.replace("\r\n", "\n");
        let body =
            mirror_domain::session::continuity::split(&unix).map_or(&*unix, |(_, body)| body);
        self.read(|view| {
            let mut proof = Proof::of(view);
            let event = fold::event(view, &found.version)?;
            let pos = view.pos(&found.version)?;
            let pos =
                pos.ok_or_else(|| Error::integrity("a version that was just read is gone"))?;
            let of = (path.clone(), body.to_owned());
            let (mut item, mut fault) =
                item_of(view, &mut proof, (&event, pos), ItemKind::Continuity, of)?;
            item.content = BlobId(Sha256::digest(&found.bytes).into());
            item.bytes = found.bytes.len() as u64;
            item.trust = if found.edited { Trust::Outside } else { Trust::Agent };
            for leaf in leaves {
                item.trust = item.trust.min(super::lineage::trust_of(view, leaf)?);
                // What it was written from has to hold too.
                if let Some((pos, event)) = view.find(leaf)?
                    && let Some(why) = proof.fault(&event, pos)?
                {
                    item.checks.chain = false;
                    fault =
                        Some((Why::Unverifiable, format!("a close that it follows from: {why}")));
                }
            }
            if view.shared_conflicts()?.contains(&path) {
                item.checks.current = false;
                let detail = "two devices wrote it at once; see `mirror conflicts`";
                fault = Some((Why::Superseded, detail.to_owned()));
            }
            gathered.add(item, fault);
            Ok(())
        })
    }

    /// Seals that something took the place of since the last session.
    fn superseded(
        &self,
        mark: &BTreeMap<ChainId, u64>,
        project: Option<&str>,
        gathered: &mut Gathered,
    ) -> Result<()> {
        self.read(|view| {
            for row in view.newest_distillates(project, None, true, DISTILLATES)? {
                if !row.gone {
                    continue;
                }
                for pos in view.replaced_by(&row.id)? {
                    let Ok(Some(by)) = view.event_at(pos) else { continue };
                    let seen = mark.get(&by.chain()).is_some_and(|seq| by.header.seq <= *seq);
                    // A first session has seen nothing, and need not hear of all that is past.
                    if !seen && !mark.is_empty() {
                        gathered.wrong.push(Rejection {
                            why: Why::Superseded,
                            what: row.path.clone(),
                            source: Some(row.id),
                            expected: Some(row.content),
                            found: None,
                            content: String::new(),
                            detail: format!("{} stands in its place", by.id),
                            repaired: false,
                        });
                    }
                }
            }
            Ok(())
        })
    }

    /// Nothing is said on a chain that does not verify.
    pub(super) fn check_own_chain(&self) -> Result<()> {
        self.read(|view| {
            let Some(own) = view.meta_id(Meta::Chain)? else { return Ok(()) };
            for row in view.branches(&ChainId(own))? {
                let Some((pos, event)) = view.find(&row.tip.id)? else {
                    return Err(Error::integrity("the end of this device's own chain is not here"));
                };
                if let Some(fault) = Proof::of(view).fault(&event, pos)? {
                    return Err(Error::integrity(format!("this device's own chain: {fault}")));
                }
            }
            Ok(())
        })
    }

    /// Lists that are not as they were folded are folded anew from the events.
    fn mend_lists(&self, wrong: &mut Vec<Rejection>) -> Result<()> {
        if self.read(fold::lists_hold)? {
            return Ok(());
        }
        self.write(fold::refold)?;
        wrong.push(Rejection {
            why: Why::Tampered,
            what: "the list of sessions and distillates".to_owned(),
            source: None,
            expected: None,
            found: None,
            content: String::new(),
            detail: "it was not what was folded from the events; folded anew from them".to_owned(),
            repaired: true,
        });
        Ok(())
    }

    fn say_open(
        &self,
        ask: &OpenSession,
        about: &About,
        pack: &Pack,
        shown: &[(Item, bool)],
        closes: Vec<EventId>,
        repo: Option<RepoState>,
    ) -> SessionOpen {
        let told = |(item, ok): &(Item, bool)| ToldItem {
            kind: item.kind.number(),
            source: item.source,
            content: item.content,
            bytes: item.bytes,
            trust: item.trust.number(),
            ok: *ok,
        };
        SessionOpen {
            agent: ask.agent.clone(),
            project: ask.project.clone(),
            head: about.head,
            context: sha(behind_first_line(&pack.context)),
            coherence: about.coherence.whole,
            refused: !about.coherence.is_enough(),
            items: shown.iter().take(MAX_ITEMS).map(told).collect(),
            closes,
            repo,
            name: ask.name.clone(),
        }
    }

    fn commit_open(
        &self,
        ask: &OpenSession,
        open: SessionOpen,
        wrong: &[Rejection],
        context: &str,
    ) -> Result<(EventId, Vec<view::SessionRejection>)> {
        let body = Body::SessionOpen(open);
        check_body(&body)?;
        self.write(|tx| {
            let event = commit::append(&self.inner, tx, &body, clock::now())?;
            let told = self.say_rejections(tx, event.id, wrong)?;
            let mut tips = tx.tips()?;
            tips.sort_unstable();
            tx.set_session_mark(&ask.project, &ask.agent, &tips)?;
            let folder = ask.folder.as_ref().and_then(|folder| folder.to_str());
            tx.set_told(
                &event.id,
                &ToldRow {
                    context: named(context, &event.id.to_string()),
                    pid: ask.pid.unwrap_or_default(),
                    folder: folder.unwrap_or_default().to_owned(),
                },
            )?;
            Ok((event.id, told))
        })
    }

    /// Says what was left out or not taken in, in as many events as it takes.
    pub(super) fn say_rejections(
        &self,
        tx: &Tx<'_>,
        session: EventId,
        wrong: &[Rejection],
    ) -> Result<Vec<view::SessionRejection>> {
        let mut told = Vec::new();
        for part in wrong.chunks(AT_ONCE) {
            let (rejections, found) = (part.to_vec(), wrong.len() as u64);
            let body = Body::SessionReject(SessionReject { session, rejections, found });
            check_body(&body)?;
            let event = commit::append(&self.inner, tx, &body, clock::now())?;
            let name = |(n, one)| rejection_view(format!("{}.{n}", event.id), one, None);
            told.extend(part.iter().enumerate().map(name));
        }
        Ok(told)
    }

    /// The answer when the home is too damaged to say anything in it.
    fn refused(&self, ask: &OpenSession, error: &Error) -> view::SessionOpened {
        let nothing =
            mirror_domain::session::Checks { chain: false, ..mirror_domain::session::Checks::HOLD };
        let coherence = Coherence::of([(1, nothing)]);
        let about = About {
            session: "SESSION".to_owned(),
            agent: ask.agent.clone(),
            project: ask.project.clone(),
            head: mirror_protocol::CanonicalHead([0; 32]),
            now_ms: clock::now_ms(),
            coherence,
            remarks: Vec::new(),
        };
        let hint = "run `mirror doctor`; another device or a backup has the events";
        let error = Error::new(Code::Integrity, &error.detail, hint);
        view::SessionOpened {
            session: None,
            agent: ask.agent.clone(),
            project: ask.project.clone(),
            head: String::new(),
            coherence: 0.0,
            parts: parts(coherence),
            items: Vec::new(),
            rejected: 1,
            rejections: Vec::new(),
            recovered: Vec::new(),
            context: pack::banner(&about, std::slice::from_ref(&error.detail)),
            error: Some(error.problem()),
        }
    }

    /// A device's sessions of an agent on a project that have ended without a close: each stands as its last checkpoint left
    /// it from now on.
    pub(super) fn recover_ended(&self, agent: &str, project: &str) -> Result<Vec<EventId>> {
        let open = self.read(|view| {
            let mut open = view.open_sessions(&self.inner.device)?;
            open.retain(|row| row.agent == agent && row.project == project);
            let mut ended = Vec::new();
            for row in open {
                let pid = view.told(&row.id)?.map_or(0, |told| told.pid);
                if !is_alive(pid) {
                    ended.push(row);
                }
            }
            Ok(ended)
        })?;
        open.iter().try_for_each(|row| self.recover(row))?;
        Ok(open.into_iter().map(|row: SessionRow| row.id).collect())
    }
}

/// Whether a process lives; nobody's does not.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| match rustix::process::test_kill_process(pid) {
        Ok(()) => true,
        // Another person's.
        Err(error) => error == rustix::io::Errno::PERM,
    })
}

/// A body of ours that no reader would take is not written.
pub fn check_body(body: &Body) -> Result<()> {
    body.check_limits().map_err(|error| Error::invalid(error, "make it shorter, and try again"))
}

/// Whether each chain begins and ends as its row says.
fn check_ends(view: &View<'_>, gathered: &mut Gathered) -> Result<()> {
    for row in view.chains()? {
        let newest = view.newest_places(row.branch, row.first, 1)?.pop();
        let newest = newest.map(|pos| view.raw_events_at(pos, pos.seq())).transpose()?;
        let newest = newest.and_then(|mut rows| rows.pop());
        let ends = newest.map(|event| (event.seq, event.id));
        let first = view.event(&EventId(row.tip.chain.0)).ok().flatten();
        let open = first.and_then(|event| ChainOpen::of_checked(&event).ok());
        let owned = open.is_some_and(|open| (open.key, open.device) == (row.key, row.device));
        let wrong = match (ends == Some((row.tip.seq, row.tip.id)), owned) {
            (false, _) => "it does not end where its signed head says; run `mirror doctor`",
            (true, false) => "its first event names another owner; run `mirror doctor --repair`",
            (true, true) => continue,
        };
        gathered.wrong.push(Rejection {
            why: Why::Unverifiable,
            what: format!("chain {}", row.tip.chain),
            source: None,
            expected: None,
            found: None,
            content: String::new(),
            detail: wrong.to_owned(),
            repaired: false,
        });
    }
    Ok(())
}
