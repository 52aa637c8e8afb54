//! The morning page: what was captured, by the reader's own day, each line with the event it comes from.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use mirror_protocol::{EventId, Order, WallTime};

use crate::body::Role;

/// A note as the page needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandupNote {
    /// The revision shown.
    pub event: EventId,
    /// The note.
    pub note: EventId,
    /// Its text.
    pub text: String,
    /// When it was captured.
    pub at: WallTime,
    /// The capturing device's name.
    pub device_name: String,
    /// Its role.
    pub role: Role,
    /// Where the capture stands in canonical order.
    pub order: Order,
    /// Somebody has to choose between revisions.
    pub conflict: bool,
}

/// A part of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Its lines.
    pub items: Vec<StandupNote>,
}

/// The instants of a day in a zone, first and one past the last, in milliseconds since 1970. Days of 23 and 25 hours
/// are what they are.
pub fn day(date: Date, zone: &TimeZone) -> Option<(i64, i64)> {
    let start = |date: Date| -> Option<i64> {
        let midnight = date.to_zoned_datetime(zone.clone()).ok()?;
        Some(midnight.timestamp().as_millisecond())
    };
    Some((start(date)?, start(date.checked_add(1.day()).ok()?)?))
}

/// The page of a day: yesterday's phone notes first, then what other devices captured yesterday, then today so far,
/// then what waits for a person. Parts without lines are left out.
pub fn standup(date: Date, zone: &TimeZone, mut notes: Vec<StandupNote>) -> Vec<Section> {
    notes.sort_by_key(|note| note.order);
    let yesterday = date.checked_sub(1.day()).ok().and_then(|date| day(date, zone));
    let today = day(date, zone);
    let within = |window: Option<(i64, i64)>, note: &StandupNote| {
        window.is_some_and(|(from, to)| (from..to).contains(&note.at.unix_ms))
    };
    let pick = |title: &str, fits: &dyn Fn(&StandupNote) -> bool| Section {
        title: title.to_owned(),
        items: notes.iter().filter(|note| fits(note)).cloned().collect(),
    };
    let phone = |note: &StandupNote| note.role == Role::Capture;
    let mut sections = vec![
        pick("Yesterday on the phone", &|note| phone(note) && within(yesterday, note)),
        pick("Yesterday elsewhere", &|note| !phone(note) && within(yesterday, note)),
        pick("Today so far", &|note| within(today, note)),
        pick("Needs you", &|note| note.conflict),
    ];
    sections.retain(|section| !section.items.is_empty());
    sections
}

/// The author's local time, `HH:MM`.
pub fn local_time(at: WallTime) -> String {
    let local = at.unix_ms.saturating_add(i64::from(at.offset_min) * 60_000);
    let minutes = local.div_euclid(60_000).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The page as Markdown. A note's text is quoted line by line, so that nothing in it can pass for the page's own words.
pub fn markdown(date: Date, zone: &TimeZone, sections: &[Section]) -> String {
    let zone = zone.iana_name().unwrap_or("local time");
    let mut page = format!("# Standup {date}\n\n_By the days of {zone}._\n");
    if sections.is_empty() {
        page.push_str("\nNothing was captured yesterday or today, and nothing waits for you.\n");
    }
    for section in sections {
        page.push_str(&format!("\n## {}\n", section.title));
        for item in &section.items {
            let id = item.event.to_string();
            let short = id.get(..8).unwrap_or_default();
            let time = local_time(item.at);
            page.push_str(&format!("\n- **{time}** {} `{short}`\n\n", item.device_name));
            for line in item.text.lines() {
                page.push_str(format!("  > {line}").trim_end());
                page.push('\n');
            }
        }
    }
    page
}

/// The date of an instant in a zone.
pub fn date_of(unix_ms: i64, zone: &TimeZone) -> Option<Date> {
    Some(Timestamp::from_millisecond(unix_ms).ok()?.to_zoned_datetime(zone.clone()).date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirror_protocol::{ChainId, Lamport};

    fn at(text: &str) -> WallTime {
        let unix_ms = text.parse::<Timestamp>().unwrap().as_millisecond();
        WallTime { unix_ms, offset_min: 330 }
    }

    fn note(n: u8, when: &str, role: Role) -> StandupNote {
        StandupNote {
            event: EventId([n; 32]),
            note: EventId([n; 32]),
            text: format!("note {n}\n# not a heading"),
            at: at(when),
            device_name: "Pixel".into(),
            role,
            order: (Lamport(n.into()), ChainId([0; 32]), n.into(), EventId([n; 32])),
            conflict: false,
        }
    }

    #[test]
    fn yesterday_is_the_readers_not_the_phones() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let date = "2026-11-23".parse().unwrap();
        // 23 November in India, still the 22nd in New York; and one that is the 21st there.
        let notes = vec![
            note(2, "2026-11-23T01:00:00+05:30", Role::Capture),
            note(1, "2026-11-22T09:00:00+05:30", Role::Capture),
        ];
        let sections = standup(date, &zone, notes);
        assert_eq!(sections.len(), 1);
        assert_eq!(sections[0].title, "Yesterday on the phone");
        assert_eq!(sections[0].items.len(), 1);
        assert_eq!(local_time(sections[0].items[0].at), "01:00");
    }

    #[test]
    fn a_day_of_23_hours_is_one() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let (from, to) = day("2026-03-29".parse().unwrap(), &zone).unwrap();
        assert_eq!(to - from, 23 * 60 * 60 * 1000);
    }

    #[test]
    fn a_notes_text_is_quoted_and_an_empty_page_says_so() {
        let (date, zone) = ("2026-11-23".parse().unwrap(), TimeZone::UTC);
        let sections = standup(date, &zone, vec![note(1, "2026-11-22T09:00:00Z", Role::Capture)]);
        let page = markdown(date, &zone, &sections);
        assert!(page.contains("\n  > # not a heading\n"), "{page}");
        assert!(!page.contains("\n# not"));
        assert!(markdown(date, &zone, &[]).contains("Nothing was captured"));
    }
}
