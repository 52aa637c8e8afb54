//! `standup`: the day at a glance.

use super::Here;
use crate::args::Standup;
use crate::output::{Exit, Result};

/// `mirror standup`
pub fn standup(here: &Here<'_>, args: &Standup) -> Result<Exit> {
    let page = here.node()?.standup(args.date.as_deref(), args.zone.as_deref())?;
    here.out.answer(&page, |page| page.markdown.clone())?;
    Ok(Exit::Done)
}
