//! "Did I already build this?": earlier sessions and distillates, by what they say and by the files that they name.

use std::collections::BTreeMap;

use mirror_domain::Body;
use mirror_domain::session::continuity;
use mirror_protocol::Event;
use mirror_store::{Pos, View};

use super::cut;
use super::fold::close_of;
use super::gather::sha;
use crate::clock;
use crate::error::Result;
use crate::node::Node;
use crate::view;

/// Distillates that are taken into the full text in one step.
const STEP: u32 = 64;
/// A file in common weighs as much as so many places in the list of words.
const FILE_WEIGHS: usize = 16;

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct RelatedQuery {
    /// Words.
    pub text: String,
    /// Files.
    pub paths: Vec<String>,
    /// Only of this project.
    pub project: Option<String>,
    /// So many at most.
    pub limit: u32,
}

impl Node {
    /// Earlier sessions and distillates that hold words of the question or name one of the files, best first.
    pub fn session_related(&self, query: &RelatedQuery) -> Result<Vec<view::Related>> {
        self.index_distillates()?;
        let RelatedQuery { text, paths, project, limit } = query;
        let limit = (*limit).clamp(1, 500);
        let places = self.related_places(text, paths, project.as_deref(), limit)?;
        self.read(|view| {
            let mut related = Vec::new();
            for pos in places {
                if let Ok(Some(event)) = view.event_at(pos) {
                    related.extend(related_view(view, &event, paths)?);
                }
            }
            Ok(related)
        })
    }

    /// Their places, best first.
    pub(super) fn related_places(
        &self,
        text: &str,
        paths: &[String],
        project: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Pos>> {
        let terms: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        self.read(|view| {
            let mut weights: BTreeMap<Pos, usize> = BTreeMap::new();
            let found = view.search_sessions(&terms, limit.saturating_mul(4))?;
            let many = found.len();
            for (rank, pos) in found.into_iter().enumerate() {
                *weights.entry(pos).or_default() += many - rank;
            }
            for path in paths {
                for pos in view.session_paths(path.trim_start_matches("./"))? {
                    *weights.entry(pos).or_default() += FILE_WEIGHS;
                }
            }
            let mut places: Vec<(Pos, usize)> = Vec::new();
            for (pos, weight) in weights {
                let Ok(Some(event)) = view.event_at(pos) else { continue };
                if let Some(project) = project
                    && project_of(view, &event)?.as_deref() != Some(project)
                {
                    continue;
                }
                places.push((pos, weight));
            }
            places
                .sort_by_key(|(pos, weight)| (std::cmp::Reverse(*weight), std::cmp::Reverse(*pos)));
            places.truncate(limit as usize);
            Ok(places.into_iter().map(|(pos, _)| pos).collect())
        })
    }

    /// Takes the whole text of distillates in that came from elsewhere, as far as their files are here.
    fn index_distillates(&self) -> Result<()> {
        loop {
            let rows = self.read(|view| Ok(view.unindexed_distillates(STEP)?))?;
            if rows.is_empty() {
                return Ok(());
            }
            self.quiet_write(|tx| {
                for row in &rows {
                    let title = match tx.event(&row.id)?.as_ref().map(Body::read) {
                        Some(Ok(Body::DistillateSeal(seal))) => seal.title,
                        _ => String::new(),
                    };
                    let bytes = self.version_of_content(&row.content).unwrap_or_default();
                    let text = format!("{title}\n{}", String::from_utf8_lossy(&bytes));
                    tx.index_session(row.pos, &text, true)?;
                }
                Ok(())
            })?;
        }
    }
}

fn project_of(view: &View<'_>, event: &Event) -> Result<Option<String>> {
    if let Ok(Body::DistillateSeal(seal)) = Body::read(event) {
        return Ok(Some(seal.project));
    }
    let Some((session, ..)) = close_of(view, event)? else { return Ok(None) };
    Ok(view.session(&session)?.map(|row| row.project))
}

fn related_view(view: &View<'_>, event: &Event, asked: &[String]) -> Result<Option<view::Related>> {
    let in_common = |files: &[String]| -> Vec<String> {
        let bare = |path: &String| path.trim_start_matches("./").to_owned();
        let asked: Vec<String> = asked.iter().map(bare).collect();
        files.iter().filter(|file| asked.contains(&bare(file))).cloned().collect()
    };
    if let Ok(Body::DistillateSeal(seal)) = Body::read(event) {
        let artifacts = vec![seal.path];
        return Ok(Some(view::Related {
            id: event.id.to_string(),
            kind: "distillate".to_owned(),
            title: seal.title,
            project: seal.project,
            at: clock::rfc3339(event.header.at),
            hash: seal.content.to_string(),
            files: in_common(&artifacts),
            artifacts,
        }));
    }
    let Some((session, work, _)) = close_of(view, event)? else { return Ok(None) };
    let project = view.session(&session)?.map_or_else(String::new, |row| row.project);
    let body = continuity::Closed {
        by: String::new(),
        work: work.clone(),
        recovered: false,
        differences: Vec::new(),
    };
    Ok(Some(view::Related {
        id: event.id.to_string(),
        kind: "session".to_owned(),
        title: cut(work.now.trim().lines().next().unwrap_or_default(), 160).to_owned(),
        at: clock::rfc3339(event.header.at),
        hash: sha(&continuity::body_of(&project, &[body])).to_string(),
        project,
        files: in_common(&work.files),
        artifacts: work.files,
    }))
}
