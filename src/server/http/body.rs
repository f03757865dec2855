//! Bodies of requests: read whole, within bounds of size, time and memory, or taken off the line unread.

use std::{mem, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::header::{CONTENT_ENCODING, EXPECT},
};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use tokio::{sync::Semaphore, time::timeout};

use crate::{contract::Refusal, server::config::Settings};

/// For how long the rest of a refused body is read.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How many refused bodies are read to their end at the same time.
static DRAINS: Semaphore = Semaphore::const_new(32);

/// How many bytes are held at most of all bodies that have begun to come and not come to their end. Those that come in one
/// piece, as nearly all do, do not count.
static HELD: Semaphore = Semaphore::const_new(64 * 1024 * 1024);

/// Reads a whole body, as text.
///
/// # Errors
/// A body that is larger, slower or stranger than allowed; nothing is unpacked: a few bytes could become any number.
/// [`Refusal::Busy`] where too many are under way.
pub async fn read(request: &mut Request, settings: &Settings) -> Result<String, Refusal> {
    if request
        .headers()
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Refusal::Encoded);
    }
    let limit = settings.limits.body_bytes.get();
    if http_body::Body::size_hint(request.body()).lower() > limit {
        return Err(Refusal::TooLarge { limit });
    }
    // From here on the client is asked for the body, and waits no more.
    request.headers_mut().remove(EXPECT);
    let reading = collect(request.body_mut(), limit, &HELD);
    let bytes = timeout(settings.https.body_seconds.duration(), reading)
        .await
        .map_err(|_| Refusal::TooSlow)??;
    String::from_utf8(bytes)
        .map_err(|error| Refusal::Malformed(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to())))
}

/// All bytes of a body, in one piece: kept as they come, many small ones would take many times their size.
async fn collect(body: &mut Body, limit: u64, held: &Semaphore) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut share = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Malformed("it ended too early".to_owned()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() as u64 + data.len() as u64 > limit {
            return Err(Refusal::TooLarge { limit });
        }
        bytes.extend_from_slice(&data);
        if !http_body::Body::is_end_stream(body) {
            let more = if share.is_none() { bytes.len() } else { data.len() };
            let more = held
                .try_acquire_many(u32::try_from(more).unwrap_or(u32::MAX))
                .map_err(|_| Refusal::Busy { retry_after: 1 })?;
            match &mut share {
                None => share = Some(more),
                Some(share) => share.merge(more),
            }
        }
    }
    Ok(bytes)
}

/// Reads and drops the rest of a refused body, within bounds: a client that is still sending when the connection closes, or its
/// HTTP/2 stream, sees a reset instead of the refusal. `false` where a part of it is left.
pub async fn drain(request: &mut Request) -> bool {
    // This client waits for an answer before it sends anything.
    if request.headers().contains_key(EXPECT) {
        return http_body::Body::is_end_stream(request.body());
    }
    let Ok(_permit) = DRAINS.try_acquire() else {
        return http_body::Body::is_end_stream(request.body());
    };
    let mut body = mem::take(request.body_mut()).into_data_stream();
    let draining = async {
        loop {
            match body.next().await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(_)) => {}
            }
        }
    };
    timeout(DRAIN_TIMEOUT, draining).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, channel::mpsc, stream};

    use super::*;

    type Piece = Result<Vec<u8>, std::io::Error>;

    #[tokio::test]
    async fn pieces_are_put_together_and_what_is_too_large_is_refused() {
        let pieces = |sizes: &[usize]| {
            let pieces: Vec<Piece> = sizes.iter().map(|size| Ok(vec![b'x'; *size])).collect();
            Body::from_stream(stream::iter(pieces))
        };
        let held = Semaphore::new(1000);
        for (sizes, length) in [(&[][..], 0), (&[4], 4), (&[1; 10], 10), (&[3, 0, 4], 7)] {
            let read = collect(&mut pieces(sizes), 10, &held).await;
            assert_eq!(read, Ok(vec![b'x'; length]));
        }
        for sizes in [&[11][..], &[1; 11], &[10, 1]] {
            let read = collect(&mut pieces(sizes), 10, &held).await;
            assert_eq!(read, Err(Refusal::TooLarge { limit: 10 }));
        }
        assert_eq!(held.available_permits(), 1000);
    }

    #[tokio::test]
    async fn bodies_that_do_not_end_hold_no_more_than_so_much_together() {
        let held = Semaphore::new(25);
        let (mut senders, mut bodies): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (sender, pieces) = mpsc::unbounded::<Piece>();
                (sender, Body::from_stream(pieces))
            })
            .unzip();
        let (last, first) = bodies.split_last_mut().unwrap();
        for sender in &senders {
            sender.unbounded_send(Ok(vec![b'x'; 8])).unwrap();
        }
        let mut readings: Vec<_> = first
            .iter_mut()
            .map(|body| Box::pin(collect(body, 10, &held)))
            .collect();
        for reading in &mut readings {
            assert!(reading.as_mut().now_or_never().is_none(), "it waits for the rest");
        }
        let busy = Err(Refusal::Busy { retry_after: 1 });
        assert_eq!(collect(last, 10, &held).await, busy);
        // What comes at once does not count.
        assert_eq!(collect(&mut Body::from("xx"), 10, &held).await, Ok(b"xx".to_vec()));
        senders.clear();
        for reading in readings {
            assert_eq!(reading.await, Ok(vec![b'x'; 8]));
        }
        assert_eq!(held.available_permits(), 25);
    }
}
