//! Setup of the log and format of its lines.
//!
//! The log goes to standard error, because standard output is for the output of commands. Each event is exactly one
//! line: line breaks, escape sequences and characters that change the reading direction are escaped (OWASP ASVS
//! 16.4.1). A line includes the request context. Panics are logged in the same way.

use std::{
    env,
    fmt::{self, Write},
    io::{IsTerminal as _, stderr},
    iter, panic,
};

use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter,
        format::{JsonFields, Writer},
        time::{FormatTime as _, SystemTime},
    },
    layer::SubscriberExt as _,
    registry::{LookupSpan, Scope},
    util::SubscriberInitExt as _,
};

use super::request::RequestContext;
use crate::server::config::{Log, LogFormat};

/// Directives that follow every configured filter. They silence forged or expired session cookies, failed TLS
/// handshakes, and errors of the session store, which are logged when they become refusals.
const FIXED_DIRECTIVES: &str = "rustls=error,tower_sessions_core=off,tower_sessions=off";

/// Installs the global subscriber and the panic hook. Fails if the filter is invalid.
pub fn start(settings: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{},{FIXED_DIRECTIVES}", settings.filter))
        .map_err(|error| anyhow::anyhow!("log.filter: invalid filter \"{}\": {error}", settings.filter))?;
    let use_colour = stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::registry()
        .with(filter)
        .with(layer(settings.format, stderr, use_colour))
        .init();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("without a message");
        tracing::error!(place, cause = message, "panicked");
    }));
    Ok(())
}

fn layer<S, W>(format: LogFormat, writer: W, use_colour: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // Otherwise a failed write is reported to standard error, and panics if that fails too.
        .log_internal_errors(false);
    match format {
        LogFormat::Json => lines.fmt_fields(JsonFields::new()).event_format(Json).boxed(),
        LogFormat::Text => lines
            .fmt_fields(TextFields)
            .with_ansi(use_colour)
            .event_format(Text)
            .boxed(),
    }
}

/// A line for people: time, level, request context, message, and fields of the event.
struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (dim, colour, plain) = match (writer.has_ansi_escapes(), *event.metadata().level()) {
            (false, _) => ("", "", ""),
            (true, Level::ERROR) => ("\u{1b}[2m", "\u{1b}[31m", "\u{1b}[0m"),
            (true, Level::WARN) => ("\u{1b}[2m", "\u{1b}[33m", "\u{1b}[0m"),
            (true, Level::INFO) => ("\u{1b}[2m", "\u{1b}[32m", "\u{1b}[0m"),
            (true, _) => ("\u{1b}[2m", "\u{1b}[34m", "\u{1b}[0m"),
        };
        write!(writer, "{dim}")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "{plain} {colour}{:>5}{plain} ", event.metadata().level())?;
        let mut separator = "request{";
        RequestContext::record(|name, value| {
            write!(writer, "{dim}{separator}{name}={plain}")?;
            separator = " ";
            match name {
                "address" => write!(OneLine(&mut writer), "{value}"),
                _ => write!(OneLine(&mut writer), "{:?}", value.to_string()),
            }
        })?;
        if separator == " " {
            write!(writer, "{dim}}}:{plain} ")?;
        } else {
            for fields in span_fields(context) {
                write!(writer, "{dim}request{{{plain}{fields}{dim}}}:{plain} ")?;
            }
        }
        context.format_fields(writer.by_ref(), event)?;
        writer.write_char('\n')
    }
}

/// A JSON object per line: time, level, target, message, fields of the event, and request context.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (mut time, mut fields) = (String::new(), String::new());
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        context.format_fields(Writer::new(&mut fields), event)?;
        let mut fields = parse_fields(&fields);
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), time.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        line.extend(fields.remove_entry("message"));
        let of_spans = span_fields(context).into_iter().map(|fields| parse_fields(&fields));
        for (name, value) in iter::once(fields).chain(of_spans).flatten() {
            line.entry(name).or_insert(value);
        }
        RequestContext::record(|name, value| {
            line.entry(name).or_insert_with(|| value.to_string().into());
            Ok(())
        })?;
        write!(OneLine(&mut writer), "{}", Value::Object(line))?;
        writer.write_char('\n')
    }
}

/// The formatted fields of the spans around an event. Threads without a request context, such as those of the database,
/// have only these.
fn span_fields<S, N>(context: &FmtContext<'_, S, N>) -> Vec<String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    let spans = context.event_scope().into_iter().flat_map(Scope::from_root);
    spans
        .filter_map(|span| Some(span.extensions().get::<FormattedFields<N>>()?.fields.clone()))
        .collect()
}

fn parse_fields(fields: &str) -> Map<String, Value> {
    serde_json::from_str(fields).unwrap_or_default()
}

/// Formats fields for people: the message, then `name=value` pairs.
struct TextFields;

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = TextVisitor {
            writer: &mut writer,
            is_first: true,
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct TextVisitor<'a, 'writer> {
    writer: &'a mut Writer<'writer>,
    is_first: bool,
    result: fmt::Result,
}

impl Visit for TextVisitor<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = field.name();
        // Skips the metadata of records from the `log` crate.
        if self.result.is_err() || name.starts_with("log.") {
            return;
        }
        let space = if self.is_first { "" } else { " " };
        self.is_first = false;
        let mut line = OneLine(&mut *self.writer);
        self.result = match name {
            "message" => write!(line, "{space}{value:?}"),
            name => write!(line, "{space}{name}={value:?}"),
        };
    }
}

/// Escapes control characters, all line breaks, and characters that change the reading direction, as JSON escapes them.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| self.write_char(character))
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        match character {
            '\n' => self.0.write_str("\\n"),
            '\r' => self.0.write_str("\\r"),
            '\t' => self.0.write_str("\\t"),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                write!(self.0, "\\u{:04x}", u32::from(character))
            }
            character if character.is_control() => write!(self.0, "\\u{:04x}", u32::from(character)),
            character => self.0.write_char(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        net::Ipv4Addr,
        sync::{Arc, Mutex},
    };

    use axum::http::{Method, Uri};

    use super::*;
    use crate::server::telemetry::{request::scope_blocking, request_id::RequestId};

    /// Characters that could break a line, colour it or change its reading direction.
    const NASTY: &str = "a\r\nb\tc\u{1b}[31md\u{9b}e\u{7f}f\u{2028}g\u{202e}h\u{0}i\u{85}j";

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn request() -> RequestContext {
        RequestContext {
            request_id: RequestId::generate(),
            address: Some(Ipv4Addr::LOCALHOST.into()),
            method: Method::GET,
            uri: Uri::from_static("/somewhere?a=b"),
        }
    }

    /// Returns the line of an event with nasty values.
    fn written(format: LogFormat) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::registry().with(layer(format, move || writer.clone(), false));
        tracing::subscriber::with_default(subscriber, || {
            scope_blocking(Some(request()), || {
                tracing::info!(displayed = %NASTY, debugged = ?NASTY, plain = NASTY, level = "fake", "{NASTY}");
            });
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_event_is_always_one_line() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = written(format);
            let line = text.strip_suffix('\n').unwrap();
            let is_plain = |character: char| !character.is_control() && !"\u{2028}\u{202e}".contains(character);
            assert!(line.chars().all(is_plain), "{format:?}: {line:?}");
        }
    }

    #[test]
    fn a_json_line_has_all_fields_and_cannot_be_forged() {
        let line: Value = serde_json::from_str(&written(LogFormat::Json)).unwrap();
        for (name, value) in [
            ("level", "INFO"),
            ("target", module_path!()),
            ("message", NASTY),
            ("displayed", NASTY),
            ("plain", NASTY),
            ("address", "127.0.0.1"),
            ("method", "GET"),
            ("path", "/somewhere"),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
        assert_eq!(line["request_id"].as_str().unwrap().len(), 13);
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    }
}
