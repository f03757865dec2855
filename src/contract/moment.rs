//! Points in time and durations in words, in the current language.
//!
//! A point in time comes with the time zone of the reader, see [`TimeZone::at`](super::TimeZone::at).

use jiff::Zoned;

use super::language::Message;
use crate::{message, t};

/// To the minute, for tables: `2026-11-30 12:26`.
pub fn in_table(at: &Zoned) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// For lists: relative to `now` if it is less than a week ago, such as `3 min ago` or `yesterday 12:26`, or else as
/// [`in_table`].
pub fn in_list(at: &Zoned, now: &Zoned) -> String {
    let seconds = now.duration_since(at).as_secs();
    let days = (now.date() - at.date()).get_days();
    match (days, seconds) {
        // Also slightly ahead, because clocks differ.
        (_, -59..=59) => t!("just now").to_owned(),
        (_, 60..=3599) => t!("{minutes} min ago", minutes = seconds / 60),
        (0, 3600..) => t!("{hours} h ago", hours = seconds / 3600),
        (1, 3600..) => t!("yesterday {time}", time = at.strftime("%H:%M")),
        (2..=6, 3600..) => t!("{days} days ago", days),
        _ => in_table(at),
    }
}

/// For prose: `30 Nov, 12:26`, with the year unless it is the one of `now`.
pub fn in_prose(at: &Zoned, now: &Zoned) -> String {
    let format = match (at.year() == now.year(), at.hour() < 12) {
        (true, true) => t!("%-d %b, %H:%M"; "before noon"),
        (true, false) => t!("%-d %b, %H:%M"; "after noon"),
        (false, true) => t!("%-d %b %Y, %H:%M"; "before noon"),
        (false, false) => t!("%-d %b %Y, %H:%M"; "after noon"),
    };
    at.strftime(format).to_string()
}

/// To the second and with the time zone: `2026-11-30 12:26:27 (Asia/Seoul, UTC+9)`.
pub fn exact(at: &Zoned) -> String {
    let time = at.strftime("%Y-%m-%d %H:%M:%S");
    match at.time_zone().iana_name() {
        None | Some("UTC") => format!("{time} (UTC)"),
        Some(name) => format!("{time} ({name}, UTC{})", offset(at)),
    }
}

/// The difference to UTC, such as `+9` or `-3:30`.
fn offset(at: &Zoned) -> String {
    let seconds = at.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    match (minutes / 60, minutes % 60) {
        (hours, 0) => format!("{sign}{hours}"),
        (hours, minutes) => format!("{sign}{hours}:{minutes:02}"),
    }
}

/// A duration, rounded up: `5 minutes`, `1 h 30 min`, `30 days`.
pub fn duration(seconds: u64) -> Message {
    const TWO_DAYS: u64 = 48 * 3600;
    let minutes = seconds.div_ceil(60);
    match seconds {
        0..=1 => message!("1 second"),
        2..=90 => message!("{seconds} seconds", seconds),
        91..=3600 => message!("{minutes} minutes", minutes),
        3601..=TWO_DAYS => match (minutes / 60, minutes % 60) {
            (hours, 0) => message!("{hours} hours", hours),
            (hours, minutes) => message!("{hours} h {minutes} min", hours, minutes),
        },
        _ => message!("{days} days", days = seconds.div_ceil(24 * 3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Language;

    fn time(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    /// In English and in Korean.
    fn in_both<T>(words: impl Fn() -> T) -> [T; 2] {
        [Language::En.with(&words), Language::Ko.with(&words)]
    }

    #[test]
    fn within_a_week_a_list_says_how_long_ago() {
        let at = |clock: &str| time(&format!("2026-{clock}[Asia/Seoul]"));
        let half_past_midnight = at("11-30T00:30:00");
        for (clock, english, korean) in [
            ("11-30T00:30:59", "just now", "방금"),
            ("11-30T00:29:01", "just now", "방금"),
            ("11-30T00:29:00", "1 min ago", "1분 전"),
            ("11-29T23:30:01", "59 min ago", "59분 전"),
            ("11-29T23:30:00", "yesterday 23:30", "어제 23:30"),
            ("11-29T00:00:00", "yesterday 00:00", "어제 00:00"),
            ("11-28T23:59:59", "2 days ago", "2일 전"),
            ("11-24T00:00:00", "6 days ago", "6일 전"),
            ("11-23T23:59:59", "2026-11-23 23:59", "2026-11-23 23:59"),
            ("11-30T00:31:00", "2026-11-30 00:31", "2026-11-30 00:31"),
            ("12-01T00:00:00", "2026-12-01 00:00", "2026-12-01 00:00"),
        ] {
            let words = in_both(|| in_list(&at(clock), &half_past_midnight));
            assert_eq!(words, [english, korean], "{clock}");
        }
        let evening = at("11-30T23:59:59");
        let words = in_both(|| in_list(&at("11-30T00:00:00"), &evening));
        assert_eq!(words, ["23 h ago", "23시간 전"]);
    }

    #[test]
    fn hours_are_those_that_passed_where_clocks_are_changed() {
        for (at, now, words) in [
            ("2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+01:00", "2 h ago"),
            ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "1 h ago"),
            ("2026-03-29T01:59:30+01:00", "2026-03-29T03:00:10+02:00", "just now"),
            (
                "2026-03-28T03:00:00+01:00",
                "2026-03-29T03:00:00+02:00",
                "yesterday 03:00",
            ),
        ] {
            let berlin = |text| time(&format!("{text}[Europe/Berlin]"));
            assert_eq!(in_list(&berlin(at), &berlin(now)), words, "{at}");
        }
    }

    #[test]
    fn prose_has_the_year_only_where_it_is_another() {
        let now = time("2027-01-01T00:10:00[Asia/Seoul]");
        for (at, english, korean) in [
            ("2027-01-01T00:05:00", "1 Jan, 00:05", "1월 1일 오전 12:05"),
            ("2027-11-30T12:26:27", "30 Nov, 12:26", "11월 30일 오후 12:26"),
            (
                "2026-12-31T23:50:00",
                "31 Dec 2026, 23:50",
                "2026년 12월 31일 오후 11:50",
            ),
            ("2028-02-29T09:05:00", "29 Feb 2028, 09:05", "2028년 2월 29일 오전 9:05"),
        ] {
            let at = time(&format!("{at}[Asia/Seoul]"));
            assert_eq!(in_both(|| in_prose(&at, &now)), [english, korean]);
        }
    }

    #[test]
    fn the_exact_time_names_the_zone_and_its_difference_to_utc_on_that_day() {
        for (zone, words) in [
            ("Asia/Seoul", "2026-07-01 09:00:05 (Asia/Seoul, UTC+9)"),
            ("Europe/London", "2026-07-01 01:00:05 (Europe/London, UTC+1)"),
            ("Asia/Kolkata", "2026-07-01 05:30:05 (Asia/Kolkata, UTC+5:30)"),
            ("America/St_Johns", "2026-06-30 21:30:05 (America/St_Johns, UTC-2:30)"),
            ("UTC", "2026-07-01 00:00:05 (UTC)"),
        ] {
            assert_eq!(exact(&time("2026-07-01T00:00:05Z[UTC]").in_tz(zone).unwrap()), words);
        }
    }

    #[test]
    fn durations_are_rounded_up_to_units_that_people_use() {
        for (seconds, english, korean) in [
            (0, "1 second", "1초"),
            (90, "90 seconds", "90초"),
            (91, "2 minutes", "2분"),
            (3600, "60 minutes", "60분"),
            (3601, "1 h 1 min", "1시간 1분"),
            (5400, "1 h 30 min", "1시간 30분"),
            (86_400, "24 hours", "24시간"),
            (172_801, "3 days", "3일"),
            (2_592_000, "30 days", "30일"),
        ] {
            assert_eq!(in_both(|| duration(seconds).to_string()), [english, korean]);
        }
    }
}
