//! Wall time at the edge: read from the system, parsed from RFC 3339, shown with the author's own offset.

use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};
use mirror_protocol::WallTime;

use crate::error::{Error, Result};

/// Now, with this machine's offset.
pub fn now() -> WallTime {
    let now = ZonedDateTime::now();
    WallTime { unix_ms: now.timestamp().as_millisecond(), offset_min: minutes(now.offset()) }
}

/// Now, as milliseconds since 1970.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Reads `2026-11-22T09:30:00+05:30`; the offset is required, for it is the author's.
pub fn parse(text: &str) -> Result<WallTime> {
    let wrong = || {
        Error::invalid(
            format!("{text:?} is not an instant with an offset (RFC 3339)"),
            "write it like 2026-11-22T09:30:00+05:30",
        )
    };
    let timestamp: Timestamp = text.parse().map_err(|_| wrong())?;
    let offset = Pieces::parse(text).ok().and_then(|p| p.to_numeric_offset()).ok_or_else(wrong)?;
    Ok(WallTime { unix_ms: timestamp.as_millisecond(), offset_min: minutes(offset) })
}

/// RFC 3339 with the author's offset and milliseconds.
pub fn rfc3339(at: WallTime) -> String {
    zoned(at).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// An instant of this machine, in this machine's zone.
pub fn local_rfc3339(unix_ms: i64) -> String {
    let at = clamp(unix_ms).to_zoned_datetime(TimeZone::system());
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// A time zone by its IANA name; the system's when none is given.
pub fn zone(name: Option<&str>) -> Result<TimeZone> {
    let Some(name) = name else { return Ok(TimeZone::system()) };
    TimeZone::get(name).map_err(|_| {
        Error::invalid(
            format!("{name:?} is not a time zone that this system knows"),
            "use an IANA name such as Asia/Kolkata or Europe/Berlin",
        )
    })
}

fn zoned(at: WallTime) -> ZonedDateTime {
    let offset = Offset::from_seconds(i32::from(at.offset_min) * 60).unwrap_or(Offset::UTC);
    clamp(at.unix_ms).to_zoned_datetime(offset.to_time_zone())
}

/// A peer's clock may claim any number; what no calendar can show is shown as the nearest that it can.
fn clamp(unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(unix_ms).unwrap_or(if unix_ms < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn minutes(offset: Offset) -> i16 {
    i16::try_from(offset.seconds() / 60).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_keeps_its_authors_offset() {
        let at = parse("2026-11-22T09:30:00+05:30").unwrap();
        assert_eq!(at.offset_min, 330);
        assert_eq!(rfc3339(at), "2026-11-22T09:30:00.000+05:30");
    }

    #[test]
    fn an_instant_without_offset_is_refused_with_the_way_out() {
        let error = parse("yesterday").unwrap_err();
        assert!(error.hint.contains("2026-11-22T09:30:00+05:30"));
        assert!(parse("2026-11-22T09:30:00").is_err());
    }

    #[test]
    fn a_clock_beyond_the_calendar_is_still_shown() {
        assert!(!rfc3339(WallTime { unix_ms: i64::MAX, offset_min: 1080 }).is_empty());
    }
}
